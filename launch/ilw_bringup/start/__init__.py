"""Bring-ups as data, and nodes as processes."""
