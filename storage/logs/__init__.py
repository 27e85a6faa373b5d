"""Logs: what attempts wrote, a file each; how it is captured from processes, kept within limits, read and removed."""
