"""Backfills: partitions that somebody asked for, made chunk by chunk."""
