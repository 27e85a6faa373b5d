"""From the store to a plan and back: the snapshot that is planned on, and the transaction that records it."""
