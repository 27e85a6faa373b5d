"""What came from what: facts of a run → OpenLineage events → their destinations. Imports `storage` only."""
