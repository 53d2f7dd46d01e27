"""ROS shells: a spy with a gamepad, a stand-in for a robot, and what spoils topics."""
