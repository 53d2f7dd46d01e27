"""Faults, injected into running nodes: what should happen, and what did."""
