"""What is always true of the rows, looked for row by row. Reads only."""
