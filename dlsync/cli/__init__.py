"""The command line: parse, call one function of the library, render, return an exit code. ``app`` names the modules."""
