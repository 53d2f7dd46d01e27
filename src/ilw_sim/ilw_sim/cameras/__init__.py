"""Cameras of a simulated robot: what they see, drawn from capsules and boxes on the CPU."""
