"""What every part of ILW shares. Pure: numpy and YAML, never rclpy, torch or pybullet."""
