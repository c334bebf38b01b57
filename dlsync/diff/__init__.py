"""Compare, merge and patch documents. Pure."""
