"""The parts of the screen of runs: looking for runs, when they were at work, and one of them in full."""
