"""The nodes that a person drives and reads by."""
