"""A deployed policy improves while it drives in the simulator, with a person beside it."""
