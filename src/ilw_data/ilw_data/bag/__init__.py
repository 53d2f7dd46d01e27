"""A bag: its files, its messages, and their columns."""
