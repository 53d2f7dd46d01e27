"""What is said to a person."""
