"""What the doctor looks for in the sensors of one kind."""
