"""The metadata store: SQLModel tables and the functions that touch them, one noun a file."""
