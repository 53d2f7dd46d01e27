"""The node that commands the robot."""
