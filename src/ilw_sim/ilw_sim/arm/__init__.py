"""Arms on a table: their physics, the servo that takes twists, their tasks and experts."""
