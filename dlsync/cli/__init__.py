"""The command line: parses, calls one library function, renders, returns a code. One module a command."""
