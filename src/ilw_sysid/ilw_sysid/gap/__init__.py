"""Two bags of one contract, simulated and real: what differs, and what to do about it."""
