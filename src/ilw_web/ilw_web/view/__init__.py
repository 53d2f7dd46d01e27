"""What is heard of a robot, as the page is told it."""
