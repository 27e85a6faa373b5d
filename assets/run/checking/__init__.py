"""Whether what semantics promise is true of a store: its rows, its plans and its bytes. Reads only."""
