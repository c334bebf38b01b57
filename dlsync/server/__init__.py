"""The embedded server: the documented API, and what public clients of it were seen to use, over SQLite."""
