"""Nodes that take a simulator and an emulator together."""
