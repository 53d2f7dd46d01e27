"""Who drives, and what the robot is told: requests in, decisions out."""
