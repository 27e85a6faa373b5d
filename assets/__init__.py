"""What should exist, and making it so."""
