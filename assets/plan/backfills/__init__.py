"""Pure: what a backfill is of, in which order, and what of it is to be made."""
