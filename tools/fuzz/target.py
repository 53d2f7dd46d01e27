"""What is fuzzed: one function that takes bytes, and the few errors it may answer with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import struct

from ilw_core.errors import IlwError


@dataclass(frozen=True)
class Target:
    """
    One place where ILW reads what others wrote.

    ``run`` returns, or raises one of ``refusals``; anything else is a failure.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    """Valid inputs, to be mutated"""
    refusals: tuple[type[Exception], ...] = (IlwError,)
    words: tuple[bytes, ...] = ()
    """Pieces that mean something to the reader, to be put anywhere"""
    weight: float = 1.0
    """Share of a run's inputs: what takes long gets fewer"""


class Pieces:
    """
    Takes numbers from bytes, in order; when they are used up, everything is zero.

    :param most: bytes used; a story of some messages shows what a long one would.
    """

    def __init__(self, data: bytes, most: int = 150) -> None:
        self._data, self._at = data[:most], 0

    def __iter__(self) -> Iterator[int]:
        """Yield one byte after the other until they are used up."""
        while self._at < len(self._data):
            yield self.byte()

    def _take(self, form: str) -> int | float:
        size = struct.calcsize(form)
        piece = self._data[self._at:self._at + size].ljust(size, b'\0')
        self._at += size
        return struct.unpack(form, piece)[0]

    def byte(self) -> int:
        """Return 0 to 255."""
        return int(self._take('<B'))

    def whole(self) -> int:
        """Return any int32, small ones as likely as large."""
        return int(self._take('<b')) if self.byte() < 128 else int(self._take('<i'))

    def stamp_ns(self, near_ns: int) -> int:
        """Return a stamp: mostly near another, else any that a message can hold."""
        if self.byte() < 200:
            return near_ns + self.byte() * 10_000_000
        return int(self._take('<i')) * 1_000_000_000 + int(self._take('<I'))

    def number(self) -> float:
        """Return any float: ordinary, huge, NaN, infinite."""
        if self.byte() < 160:
            return int(self._take('<b')) / 32.0
        return float(self._take('<d'))

    def numbers(self, most: int) -> list[float]:
        """Return up to ``most`` floats."""
        return [self.number() for _ in range(self.byte() % (most + 1))]

    def text(self, choices: tuple[str, ...]) -> str:
        """Return one of the choices, or a text that is none."""
        which = self.byte() % (len(choices) + 1)
        return choices[which] if which < len(choices) else 'x' * self.byte()
