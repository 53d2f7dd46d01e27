"""Fuzzing: bytes from nowhere go into everything that reads what others wrote."""
