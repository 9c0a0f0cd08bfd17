"""The command line: arguments come in; text, files and an exit code go out."""
