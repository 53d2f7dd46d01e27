"""A policy that asks a person for help: where its situation is new to it, or bodes ill."""
