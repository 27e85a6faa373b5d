"""What the keys of an upstream dataset mean for its consumer: as it is said, and worked out both ways. Pure."""
