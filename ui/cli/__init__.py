"""The command line: one lazy group, a command a file, and how answers are shown."""
