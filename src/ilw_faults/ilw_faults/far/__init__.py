"""Processes of their own: the other end of a network, and sensors at full rate."""
