"""The user's source text: what a producer takes and gives, and which code it consists of."""
