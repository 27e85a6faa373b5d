"""What came from what, as a graph of versions: up- and downstream, between two, at any time in the past."""
