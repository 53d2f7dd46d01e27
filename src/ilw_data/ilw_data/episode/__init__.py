"""One episode as arrays, and copies of it."""
