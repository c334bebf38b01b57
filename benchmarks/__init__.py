"""How long dlsync takes, against what must be done at the least: ``make bench``."""
