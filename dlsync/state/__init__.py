"""What dlsync remembers of an account: inventory, lock, journal, cache."""
