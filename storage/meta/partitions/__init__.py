"""Partitions of datasets: their heads, and the ranges in which those that are made lie."""
