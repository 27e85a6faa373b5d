"""Conditions: the tree, its leaves about datasets, predicates on metadata, and their plain form. Values only."""
