"""Successes, counted and compared honestly."""
