"""What keeps a robot from driving into things, whoever drives."""
