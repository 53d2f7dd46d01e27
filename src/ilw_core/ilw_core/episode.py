"""One attempt at a task, aligned to the task's clock. Frozen, and checked when made."""

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np


class Outcome(IntEnum):
    """Did the task succeed? The numbers are those of ``ilw_msgs/EpisodeEvent``."""

    UNKNOWN = 0
    SUCCESS = 1
    FAILURE = 2


class Source(IntEnum):
    """Who drives. The numbers are those of ``ilw_msgs/ArbiterState``."""

    NONE = 0
    PERSON = 1
    POLICY = 2
    ESTOP = 3


STOP_REASONS = ('goal', 'collision', 'timeout', 'operator', 'fault', 'rule')
"""How an episode can end; apart from whether it succeeded. ``rule``: of the contract."""


@dataclass(frozen=True)
class Remark:
    """What of a recording does not count at its own stamp, or not at all."""

    level: str
    """``warn`` where something is lost or less exact, ``note`` otherwise"""
    topic: str
    """Empty when it concerns several"""
    text: str
    """What, how much and why"""
    messages: int
    seconds: float


@dataclass(frozen=True)
class Episode:
    """T actions between T + 1 observations."""

    name: str
    """Folder name, for reports"""
    obs: np.ndarray
    """(T+1, Do) float32"""
    obs_valid: np.ndarray
    """(T+1, Do) bool"""
    actions: np.ndarray
    """(T, Da) float32: the command that was applied from tick t on"""
    action_valid: np.ndarray
    """(T,) bool: false where no command reached the robot"""
    stamps_ns: np.ndarray
    """(T+1,) int64 ticks"""
    outcome: Outcome
    stop_reason: str
    contract_hash: str
    person_rewards: np.ndarray | None = None
    """(T,) float32: what a person's rewards credit to each step; ``None``: nobody gave any"""
    driver: np.ndarray | None = None
    """(T,) uint8 ``Source`` of each step; ``None``: the recording does not say"""
    remarks: tuple[Remark, ...] = ()
    """What of its recording was not used as it is, and why"""
    images: dict[str, np.ndarray] = field(default_factory=dict)
    """Contract entry -> (T+1, H, W, C) uint8; 0 where not valid"""
    images_valid: dict[str, np.ndarray] = field(default_factory=dict)
    """Contract entry -> (T+1,) bool"""

    @property
    def whole(self) -> np.ndarray:
        """Ticks at which everything was observed, (T+1,) bool."""
        return np.logical_and.reduce([self.obs_valid.all(axis=1), *self.images_valid.values()])

    def without_images(self) -> 'Episode':
        """Return the same, without what takes most memory; which ticks are whole stays known."""
        return replace(self, images={})

    @property
    def steps_to_train(self) -> int:
        """Return how many steps have a command."""
        return int(self.action_valid.sum())

    @property
    def corrected(self) -> bool:
        """Whether a policy drove some of it, so that not every step shows what a person does."""
        return self.driver is not None and bool(np.any(self.driver == Source.POLICY))

    def until(self, tick: int) -> 'Episode':
        """Return its first ``tick`` steps."""
        return replace(
            self, obs=self.obs[:tick + 1], obs_valid=self.obs_valid[:tick + 1],
            actions=self.actions[:tick], action_valid=self.action_valid[:tick],
            images={name: seen[:tick + 1] for name, seen in self.images.items()},
            images_valid={name: seen[:tick + 1] for name, seen in self.images_valid.items()},
            stamps_ns=self.stamps_ns[:tick + 1], person_rewards=(
                None if self.person_rewards is None else self.person_rewards[:tick]),
            driver=None if self.driver is None else self.driver[:tick])

    def __post_init__(self) -> None:
        steps = len(self.actions)
        shapes = (len(self.obs), len(self.obs_valid), len(self.stamps_ns), len(self.action_valid))
        if shapes != (steps + 1, steps + 1, steps + 1, steps):
            raise ValueError(f'{self.name}: lengths disagree: {steps} actions, {shapes}')
        for what, each in (('rewards', self.person_rewards), ('drivers', self.driver)):
            if each is not None and len(each) != steps:
                raise ValueError(f'{self.name}: {len(each)} {what}, {steps} actions')
        if self.obs.shape != self.obs_valid.shape:
            raise ValueError(f'{self.name}: obs {self.obs.shape} but mask {self.obs_valid.shape}')
        for name, images in (self.images | self.images_valid).items():
            if len(images) != steps + 1 or name not in self.images_valid:
                raise ValueError(f'{self.name}: {len(images)} images of {name}, {steps} actions')
        if not (np.isfinite(self.obs).all() and np.isfinite(self.actions).all()):
            raise ValueError(f'{self.name}: values must be finite; what is missing is masked')
        if np.any(np.diff(self.stamps_ns) <= 0):
            raise ValueError(f'{self.name}: stamps must increase')
