"""The embedded server: the documented API, and what public clients of it use, on SQLite or PostgreSQL."""
