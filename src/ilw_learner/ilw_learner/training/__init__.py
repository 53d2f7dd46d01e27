"""Runs of training: options, loops, logs, searches."""
