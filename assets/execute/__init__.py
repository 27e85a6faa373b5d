"""Where an attempt runs: in this process, or in warm processes of this machine. Knows nothing of what runs there."""
