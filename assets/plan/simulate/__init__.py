"""A model of the store in plain values, beside the real planner: what definitions would do with a script of events."""
