"""The contract of a task: its file, its parts, and how YAML becomes typed values."""
