"""What the robot measures, and says of itself."""
