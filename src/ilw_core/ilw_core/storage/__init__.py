"""Files and folders that others may have put there."""
