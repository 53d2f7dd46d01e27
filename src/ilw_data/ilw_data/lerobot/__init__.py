"""Data sets of LeRobot, version 3: episodes become one, and one becomes episodes."""
