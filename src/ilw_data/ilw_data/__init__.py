"""Recordings and episodes: read, write, check, edit. Neither torch nor ROS."""
