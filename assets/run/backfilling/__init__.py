"""The shell of backfills: creating one, going on with it, pausing and ending it."""
