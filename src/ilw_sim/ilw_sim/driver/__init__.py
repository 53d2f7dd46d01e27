"""A scripted expert, who presses the stick."""
