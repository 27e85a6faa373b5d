"""What was: the history as readers ask for it, and how things stood at an earlier time. Reads only."""
