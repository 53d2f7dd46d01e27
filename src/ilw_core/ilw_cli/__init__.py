"""What the commands of every package share. Neither torch nor ROS."""
