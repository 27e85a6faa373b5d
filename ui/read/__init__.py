"""Questions answered once, from the store only, for every face."""
