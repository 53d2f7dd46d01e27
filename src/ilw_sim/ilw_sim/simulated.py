"""What a simulated robot at its task shows, of whatever kind: to the environment and the node."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace as Plain
from typing import Any, Protocol

import numpy as np

from ilw_core.contract.file import Contract
from ilw_sim.tasks.verdict import Verdict


@dataclass(frozen=True)
class Contact:
    """The robot touches something."""

    body: str
    """``wall``, ``box`` or ``cylinder``"""
    point: tuple[float, float, float]
    force_n: float


@dataclass(frozen=True)
class Tick:
    """Everything that is true at one tick."""

    step: int
    stamp_ns: int
    readings: Any
    """What the sensors say; ``Simulated.reading`` takes it apart by topic"""
    verdict: Verdict
    contact: Contact | None
    """The contact that ended the episode at this tick, if one did"""
    path_length_m: float
    """Gone so far, by the base or by the tool of an arm"""

    @property
    def ended(self) -> bool:
        """Tell whether the episode is over."""
        return self.verdict.terminated or self.verdict.truncated


@dataclass(frozen=True)
class Offer:
    """One topic that a simulated robot publishes."""

    topic: str
    type: str
    """As in ``sensor_msgs/msg/JointState``"""
    when: str = 'tick'
    """``tick``; ``episode``: once, as it begins; ``second``: then and once a second. Latched, the
    last two"""


class Simulated(Protocol):
    """Physics, sensors and task of a contract; the same seed and actions give the same bits."""

    contract: Contract
    seed: int
    """Of the episode; -1 before the first"""
    tick: Tick
    actions: list[list[float]]
    """(T, Da) applied since the episode began"""
    description: str
    """URDF, for the topic ``robot_description``"""
    map_frame: str
    """Frame of contacts and of the truth"""
    offers: tuple[Offer, ...]

    @property
    def period_s(self) -> float:
        """Seconds per tick."""

    @property
    def pose(self) -> tuple[float, float, float]:
        """True x, y [m], yaw [rad] of the base, or of an arm's tool."""

    @property
    def shortest_path_m(self) -> float:
        """Shortest way that solves this episode; 0 where nobody knows it."""

    def reset(self, seed: int, stamp_ns: int = 0) -> Tick:
        """
        Begin the episode of a seed.

        :raises ContractError: no world comes from this seed; the episode before goes on.
        """

    def step(self, action: np.ndarray) -> Tick:
        """Apply an action of ``(Da,)``, in contract order and units, for one tick."""

    def observe(self, measured: Any, stamp_ns: int) -> np.ndarray:
        """Return what the contract observes, ``(Do,)`` float32; NaN what is not known."""

    def images(self) -> dict[str, np.ndarray]:
        """Return what the contract observes as images, ``(H, W, C)`` uint8, at this tick."""

    def reading(self, topic: str) -> Plain:
        """Return what the message of an offered topic holds at this tick."""

    def fixed_transforms(self) -> list[Plain]:
        """Return the transforms that never change."""

    def transforms(self) -> list[Plain]:
        """Return the others, at this tick."""

    def state(self) -> dict[str, object]:
        """Return everything needed to come back to this tick, as JSON values."""

    def set_state(self, state: Mapping[str, object], stamp_ns: int | None = None) -> Tick:
        """
        Come back to a state read before, bit for bit.

        :param stamp_ns: time to give the tick reached; ``None``: the one it had.
        :raises ContractError: it is not a state of this simulator and contract; the episode that
            was there goes on.
        """

    def restamp(self, stamp_ns: int) -> None:
        """Give the tick reached another time: the clock leapt, and nothing happened meanwhile."""

    def close(self) -> None:
        """Give the physics server back."""


def observed(contract: Contract, by_topic: Mapping[str, Any]) -> dict[str, Any]:
    """Return the messages of a contract's observation by entry, out of those by topic."""
    return {source.name: by_topic[source.topic] for source in contract.sources
            if source.topic in by_topic}
