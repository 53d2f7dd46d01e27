"""What a network learns from: transitions, batches, their scales."""
