"""Deciding: from definitions, state and time to runs and reasons. Pure functions."""
