"""Arms on a table: their physics, the servo that they take twists with, their tasks and experts."""
