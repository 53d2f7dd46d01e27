"""A policy that acts: neither torch nor ROS."""
