"""The algorithms of the example, as plain functions over frames; nothing here knows penstock."""
