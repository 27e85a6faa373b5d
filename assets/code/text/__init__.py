"""Source text as a tree: found for a function or class, digested, and searched for the names it reads."""
