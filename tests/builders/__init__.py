"""What tests work on: each module builds one part of the house."""
