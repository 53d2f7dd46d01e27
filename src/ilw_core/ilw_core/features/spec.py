"""
What one feature of an observation is, and how it is read out of messages.

It names the fields it reads, so it takes an rclpy message, a message decoded from a bag, a plain
namespace, and columns read out of a bag's bytes alike, and gives bit-identical numbers for all
four. Missing is never zero: what is not known is NaN and becomes ``valid = False`` one level up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
import math
from typing import Any

import numpy as np

from ilw_core.contract.field_path import FieldKind, reader_of
from ilw_core.features.lidar_sectors import Sectors
from ilw_core.features.lidar_spec import LidarSpec

_UNSAID = {'angle_max': None, 'range_max': math.inf}
"""Fields that only check others, and what they are where an object leaves them out"""

Messages = dict[str, Any]
Fields = tuple[tuple[str, str], ...]
QUATERNION = tuple(f'pose.pose.orientation.{axis}' for axis in 'xyzw')
"""Of a pose with covariance, as odometry has it"""


@dataclass(frozen=True)
class FeatureSpec:
    """One named array of an observation: a vector, or an image."""

    name: str
    """Name of the entry in the contract."""
    kind: str
    """Name of the codec."""
    names: tuple[str, ...]
    """(D,) what each number is, unit included."""
    low: tuple[float, ...]
    """(D,) smallest value that can occur."""
    high: tuple[float, ...]
    """(D,) largest value that can occur."""
    fields: Fields
    """What is read: contract entry and path in its message, in the order of arguments."""
    one: Callable[..., Any]
    """The fields of one message each -> (D,) numbers, NaN where not known."""
    many: Callable[..., np.ndarray] | None = None
    """Columns of N values each -> (N, D) float32, to the bit what ``one`` gives; None: by row."""
    mirror: tuple[tuple[int, ...], tuple[float, ...]] | None = None
    """Left-right reflection: (source index, sign) per number; None when there is none."""
    declaring: Callable[[LidarSpec], 'FeatureSpec'] | None = None
    """The same of a lidar of which something is declared; None: it reads no lidar."""
    sectors: Sectors | None = None
    """Where a lidar's sectors look; None: it reads no lidar."""
    kinds: tuple[FieldKind, ...] = ()
    """What each field must be; left out: whatever is there."""
    key: str = 'feature'
    """Which key of the contract's entry says what is read; errors name it."""
    expected: tuple[str, ...] = ()
    """Texts that ``key`` lists and the first field must have in some message: names of joints."""
    shape: tuple[int, ...] = ()
    """Of the array: (D,) of a vector, which is what it becomes where none is given; (H, W, C)."""
    dtype: str = 'float32'
    """Of its elements: ``float32``, or ``uint8`` of an image."""

    def __post_init__(self) -> None:
        if not self.shape:
            object.__setattr__(self, 'shape', (self.dim,))

    @property
    def dim(self) -> int:
        """Numbers that it adds to the vector of an observation: D, or none of an image."""
        return len(self.names)

    @property
    def is_image(self) -> bool:
        """Tell whether it travels beside the vector, by its name."""
        return len(self.shape) > 1

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Contract entries whose messages are read."""
        return tuple(dict.fromkeys(entry for entry, _ in self.fields))

    def encode(self, messages: Messages) -> np.ndarray:
        """Return the vector of one message per needed entry, ``(D,)`` float32."""
        values = [read(messages[entry]) for entry, read in self._readers]
        return np.asarray(self.one(*values), dtype=np.float32)

    def image(self, messages: Messages) -> np.ndarray:
        """
        Return the image of one message, ``(H, W, C)`` uint8.

        :raises ImageUnreadError: the message holds none that can be read; says why.
        """
        values = [read(messages[entry]) for entry, read in self._readers]
        return np.asarray(self.one(*values), dtype=np.uint8)

    def encode_columns(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """
        Return the vectors of many messages at once.

        :param columns: one per field, ``(N,)`` or, for a sequence, ``(N, L)``.
        :returns: ``(N, D)`` float32.
        """
        if self.many is not None:
            return self.many(*columns)
        rows = [self.one(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
        return np.asarray(rows, dtype=np.float32).reshape(-1, self.dim)

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(entry, _unsaid(path) if path in _UNSAID else reader_of(path))
                for entry, path in self.fields]


def _unsaid(path: str) -> Callable[[Any], Any]:
    return lambda message: getattr(message, path, _UNSAID[path])


def paths(entry: str, *names: str) -> Fields:
    """Return fields of one contract entry's message, by their paths."""
    return tuple((entry, name) for name in names)
