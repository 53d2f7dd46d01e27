"""A wheeled base: its size, its answer to commands, its frames."""
