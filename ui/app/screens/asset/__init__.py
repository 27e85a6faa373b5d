"""The chosen asset on the screen of assets: what it is, and a file for each view of it."""
