"""A system that stays up: a scheduler that plans, workers that make runs, a relay, and a supervisor that keeps them."""
