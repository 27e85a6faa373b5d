"""What the screens share: text that is shown and never executed, states, times, addresses, empty and error states."""
