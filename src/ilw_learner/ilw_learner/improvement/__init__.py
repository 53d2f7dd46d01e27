"""Improvement while at work: a policy drives, learns, is replaced if not worse, and taken back."""
