"""``./ilw episodes`` and ``./ilw contract``."""
