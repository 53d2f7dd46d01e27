"""What one injected fault did. Knows nothing of how it was injected."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


class Unavailable(Exception):  # noqa: N818 - it is no error
    """This machine does not allow the fault; the text says why."""


@dataclass(frozen=True)
class Seen:
    """What the loop did."""

    observed: str
    """In words, with its numbers"""
    reaction_ms: float | None
    """From the fault to the reaction; ``None`` where there is nothing to time"""
    lost: int
    """Saved episodes, or messages that had arrived, that are gone"""
    ok: bool


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    fault: str
    expected: str
    observed: str
    reaction_ms: float | None
    lost: int
    ok: bool

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Fault:
    """A fault that can be injected."""

    name: str
    expected: str
    """What a safe and honest loop does, in words"""
    inject: Callable[[Any], Seen]
    """Given a running ``Loop`` of these nodes; without them an empty folder for its files, and
    starts and ends its own, in the ROS domain of ``ROS_DOMAIN_ID``. Raises ``Unavailable`` where
    the machine does not allow it"""
    slow: bool = False
    """Takes longer than about 20 s, or differs little from another"""
    nodes: Mapping[str, Any] | None = None
    """Options of ``Loop``, for a fault that ends, stops and starts no node: another of the same
    options goes on with these"""

    def row(self, seen: Seen) -> Row:
        """Return the line of the table."""
        return Row(self.name, self.expected, **vars(seen))
