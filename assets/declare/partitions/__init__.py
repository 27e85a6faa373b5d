"""Partitions: keys, their places in time, sets of them, and which of one partitioning mean which of another. Pure."""
