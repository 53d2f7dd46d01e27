"""A person at a terminal: keys in, a line and a map out."""
