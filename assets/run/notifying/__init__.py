"""Telling people: who hears of what, what happened as it is written down, and the notifiers that send it."""
