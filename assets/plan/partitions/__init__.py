"""Planning partitions: which of them news concerns, and how each of them stands. Pure."""
