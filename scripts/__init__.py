"""Scripts that build and document the project."""
