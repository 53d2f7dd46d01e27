"""Policies drive in environments: scores, comparisons, recordings asked again."""
