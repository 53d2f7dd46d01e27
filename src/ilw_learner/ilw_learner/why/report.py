"""All that was found out about why a policy acts as it does; text, page and --json show it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ilw_learner.why.ablation import SuccessLost
from ilw_learner.why.attribution import GradientCheck
from ilw_learner.why.occlusion import Effect
from ilw_learner.why.pictures_seen import HeatCheck
from ilw_learner.why.recorded.copycat import CopycatTest
from ilw_learner.why.recorded.dependence import Dependence
from ilw_learner.why.recorded.traits import InputTraits


@dataclass(frozen=True)
class InputUse:
    """How much one input moves the action, over all moments looked at."""

    blank: Effect
    """When it is not seen"""
    mixed: Effect
    """When it has the value of another episode"""
    held: Effect
    """When it stays at its first value of the episode"""
    share: float
    """Part of what all inputs move together, each mixed"""
    traits: InputTraits
    image: bool = False
    """It is a camera's; its traits are those of 36 mean brightnesses"""


@dataclass(frozen=True)
class CauseEffect:
    """What one change of the world does to the actions of the episodes it was made in."""

    cause: str
    policy: float
    """Mean change over ticks and fields, as a part of each field's range"""
    expert: float
    """Likewise, of the expert, who knows the map"""
    episode: str
    """Where it moves the policy most"""
    time_s: float
    """Since the first tick of that episode"""
    before: dict[str, float]
    """Action field -> what the policy does there"""
    after: dict[str, float]
    """Action field -> what it would do there with the change"""


@dataclass(frozen=True)
class Moment:
    """One recorded moment, taken apart."""

    episode: str
    tick: int
    time_s: float
    action: dict[str, float]
    """Action field -> what the policy does"""
    recorded: dict[str, float]
    """Action field -> what was applied"""
    without: dict[str, dict[str, float]]
    """Input -> action field -> what it does when that input is not seen"""
    occlusion: dict[str, tuple[float, ...]]
    """Action field -> (Do,) change of it when each number alone is not seen"""
    gradient: dict[str, tuple[float, ...]]
    """Action field -> (Do,) integrated gradients; empty where they are not known"""
    heat: dict[str, dict[str, tuple[tuple[float, ...], ...]]] = field(default_factory=dict)
    """Camera -> action field -> what each of 12 x 12 squares of its picture adds, by integrated
    gradients; empty where they are not known"""
    hidden: dict[str, dict[str, tuple[tuple[float, ...], ...]]] = field(default_factory=dict)
    """Likewise, how the action changes when that square alone is not seen"""


@dataclass(frozen=True)
class WhyFinding:
    """One thing that a person should know, and do."""

    level: str
    """``bad``, ``warn`` or ``ok``"""
    input: str
    """Which input it is about; empty: all"""
    text: str
    fix: str
    """What to do; a command where there is one"""


@dataclass(frozen=True)
class WhyReport:
    """Why a policy acts as it does; ``--json`` shows it under these names."""

    task: str
    checkpoint: str
    algorithm: str
    episodes: int
    ticks: int
    """Moments with all that a policy needs"""
    looked_at: int
    """Of them, those whose inputs were replaced"""
    inputs: tuple[InputUse, ...]
    gradient: GradientCheck | None
    """``None``: see ``notes``"""
    heat: HeatCheck | None
    """``None``: no camera, or see ``notes``"""
    copycat: CopycatTest
    depends: tuple[Dependence, ...]
    causes: tuple[CauseEffect, ...]
    """By what they do to the policy, the most first; empty without a simulator"""
    driven_again: int
    """Episodes whose world was found and driven again"""
    success_lost: tuple[SuccessLost, ...]
    moments: tuple[Moment, ...]
    findings: tuple[WhyFinding, ...]
    notes: tuple[str, ...]
    """What was left out, and why"""

    def as_json(self) -> dict[str, Any]:
        """Return everything by name."""
        return asdict(self)
