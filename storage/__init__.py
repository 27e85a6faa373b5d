"""What is kept: bytes and metadata. Imports nothing else of penstock."""
