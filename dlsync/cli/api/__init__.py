"""The API's families by hand, one module each: what a person or a script does without files."""
