"""Store what dlsync remembers about an account: the inventory, the lock and the journals of runs."""
