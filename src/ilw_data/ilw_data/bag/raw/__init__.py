"""What storage plugins put on the disk: messages as bytes."""
