"""Bring-ups, launch files, the demo and the command line: the top of the house."""
