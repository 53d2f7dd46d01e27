"""Every topic live to Foxglove, by its SDK."""
