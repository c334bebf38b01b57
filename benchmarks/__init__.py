"""Measure dlsync against the least work that a command needs: ``make bench``."""
