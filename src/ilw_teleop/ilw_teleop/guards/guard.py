"""What the arbiter asks before a command goes out; a new kind of harm is a new guard."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class Guard(Protocol):
    """Slows a command down, never makes it faster, and says why."""

    overridable: bool
    """Whether a person who holds the override button is not slowed"""
    why: Mapping[str, str]
    """Reason -> a sentence, of those that are about what was not measured"""

    def slow(self, action: np.ndarray, mono_ns: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the ``(Da,)`` action that may be applied, and the reasons if it is another."""

    def sent(self, action: np.ndarray, mono_ns: int) -> None:
        """Take in what was applied."""

    def leap(self, mono_ns: int) -> None:
        """Note that the clock has leapt."""
