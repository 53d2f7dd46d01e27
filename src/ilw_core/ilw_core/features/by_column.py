"""
Read one message by what reads many, so that a bag and a live topic give the same bits.

A codec whose arithmetic is in NumPy writes ``many`` alone and takes ``one_of(many)`` for a single
message.
"""

from collections.abc import Callable
from typing import Any

import numpy as np


def one_of(many: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """
    Return what reads the fields of one message: ``(D,)``.

    :param many: columns of N values each, ``(N,)`` or ``(N, L)`` -> ``(N, D)``.
    """
    def one(*values: Any) -> np.ndarray:
        numbers: np.ndarray = many(*(_column(value) for value in values))[0]
        return numbers

    return one


def numbers(values: np.ndarray) -> np.ndarray:
    """Return numbers of any type as float32, NaN where they are not finite."""
    with np.errstate(over='ignore', invalid='ignore'):
        # By float64 always: a large integer would be rounded differently on the way.
        wide = np.asarray(values).astype(np.float64)
        narrow = wide.astype(np.float32)
    found: np.ndarray = np.where(np.isfinite(narrow), narrow, np.float32(np.nan))
    return found


def _column(value: Any) -> np.ndarray:
    """Return the field of one message as a column of one row."""
    if isinstance(value, bytes):  # rclpy gives a byte so
        return np.array([value[0]])
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], bytes):
        return np.array([[each[0] for each in value]])
    text = isinstance(value, str) or (
        isinstance(value, (list, tuple)) and any(isinstance(each, str) for each in value))
    return np.asarray(value, dtype=object if text else None)[np.newaxis]
