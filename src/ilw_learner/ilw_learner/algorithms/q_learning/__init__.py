"""The parts of Q-learning: networks and tables of values, and what they learn from."""
