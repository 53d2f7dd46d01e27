"""Draft a contract from a recording that nobody here made."""
