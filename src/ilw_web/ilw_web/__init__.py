"""The cockpit: a page in the browser to drive, record and look after the robot."""
