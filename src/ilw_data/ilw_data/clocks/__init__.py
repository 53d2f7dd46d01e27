"""Which clock a message is stamped by, and how late it came."""
