"""Worlds, starts, rewards and ends."""
