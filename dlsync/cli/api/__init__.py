"""The commands that call the API directly, without files."""
