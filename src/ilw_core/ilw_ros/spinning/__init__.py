"""How a node is kept turning, and how it ends."""
