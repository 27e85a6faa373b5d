"""A project, opened: its definitions registered, its places told apart. Writes nothing but the catalogue."""
