"""What a training leaves: a folder that acts, who signed it, which one is deployed."""
