"""Networks, their inputs and their optimiser."""
