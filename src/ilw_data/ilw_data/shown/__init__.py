"""Recordings made visible: contact sheets, thumbnails, fields over time."""
