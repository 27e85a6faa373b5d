"""The database below the tables: opening it, its transactions, statements that are prepared, its form."""
