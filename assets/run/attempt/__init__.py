"""One attempt of one run: what it reads, the producer it calls, what it publishes, and what lineage says of it."""
