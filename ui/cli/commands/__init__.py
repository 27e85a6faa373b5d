"""The commands, one a file; each is loaded when it is called, by the table in `ui/cli/group.py`."""
