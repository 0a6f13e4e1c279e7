"""What every request took: one row each in a database, and the sums over them. Prompts and answers are not in it."""
