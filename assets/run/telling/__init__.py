"""What a person or another program says to the store: an event from outside, a pause, its end."""
