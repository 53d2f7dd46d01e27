"""A robot found out from its recordings, and how far a simulation is from it."""
