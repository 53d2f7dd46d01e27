"""
What would a policy have done with what was recorded? Offline, on the same observations. No torch.

Open loop: each action answers a recorded observation; where its actions lead is not followed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
import time

import numpy as np

from ilw_core.align import Observation
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.limits import Limiter
from ilw_core.text.digits import ROUNDING_RATIO, apart
from ilw_learner.runtime.runner import PolicyRunner


@dataclass(frozen=True)
class Replayed:
    """The answers of one policy to the observations of some episodes."""

    actions: np.ndarray
    """(T, Da) float64, what it asked for; NaN where it gave no action"""
    latencies_s: np.ndarray
    """(T,) from the observation to the answer"""
    trips: Counter[str]
    """Reason -> ticks at which the arbiter would have changed or refused the action"""

    def latency_s(self, percent: float) -> float:
        """Return the latency that so many of a hundred answers keep; 0 without an answer."""
        return float(np.percentile(self.latencies_s, percent)) if len(self.latencies_s) else 0.0


@dataclass(frozen=True)
class ActionGap:
    """How far apart actions are in one field; ``None`` without a tick at which both are given."""

    unit: str
    """Of ``mean``, ``p95`` and ``max``"""
    ticks: int
    """At which both are given"""
    mean: float | None
    p95: float | None
    """But for 5 % of the ticks they are no farther apart"""
    max: float | None


@dataclass(frozen=True)
class Answers:
    """What a replay shows of one policy; ``--json`` has it under these names."""

    name: str
    latency_p50_s: float
    """From the observation to the answer, as is ``latency_p99_s``"""
    latency_p99_s: float
    trips: dict[str, int]
    """Reason -> ticks at which the arbiter would have changed or refused the action"""
    from_recorded: dict[str, ActionGap]
    """Field -> how far its actions are from what was recorded"""


@dataclass(frozen=True)
class ReplayReport:
    """What a replay shows; ``--json`` has it under these names."""

    task: str
    """Name of the contract"""
    episodes: int
    ticks: int
    policy: Answers
    against: Answers | None
    """Of the other policy, if one was given"""
    difference: dict[str, ActionGap]
    """Field -> how far the actions are from the other policy's, or from what was recorded"""
    broken: list[str]
    """Which thresholds are broken, a sentence each"""


def replay(episodes: Sequence[Episode], contract: Contract, runner: PolicyRunner) -> Replayed:
    """Feed every tick of every episode to a policy, and its actions to the contract's limits."""
    actions, latencies, trips = [], [], Counter[str]()
    for episode in episodes:
        runner.reset()
        limiter = Limiter(contract.action, contract.action.rest)
        for t in range(len(episode.actions)):
            seen = observation_at(episode, t)
            begin = time.perf_counter()
            runner.observe(seen)
            chunk, _ = runner.act()
            latencies.append(time.perf_counter() - begin)
            wanted = None if chunk is None else np.array(chunk[0], dtype=np.float64)
            actions.append(np.full(contract.action.dim, np.nan) if wanted is None else wanted)
            trips.update(_trips(wanted, limiter, contract))
    shape = (-1, contract.action.dim)
    return Replayed(np.array(actions).reshape(shape), np.array(latencies), trips)


def observation_at(episode: Episode, t: int) -> Observation:
    """Return what was observed at a tick, as a policy is given it."""
    seen = {name: bool(valid[t]) for name, valid in episode.images_valid.items()}
    return Observation(
        int(episode.stamps_ns[t]), episode.obs[t], episode.obs_valid[t], 0,
        {name: episode.images[name][t] for name, there in seen.items() if there},
        {name: '' for name, there in seen.items() if not there})


def _trips(wanted: np.ndarray | None, limiter: Limiter, contract: Contract) -> tuple[str, ...]:
    if wanted is None:  # the policy node says why and sends nothing: the stop action follows
        limiter.jump(contract.action.rest)
        return ('no action',)
    action = contract.action
    slack = contract.safety.clamp_ratio * (action.high - action.low)
    wild = np.any((wanted < action.low - slack) | (wanted > action.high + slack))
    _, reasons = limiter.towards(wanted, contract.period_ns / 1e9)
    return (*reasons, 'wild') if wild else reasons


def difference(one: np.ndarray, other: np.ndarray, contract: Contract) -> dict[str, ActionGap]:
    """
    Return how far apart actions are where both are given, by field.

    :param one: ``(T, Da)``, as is ``other``; NaN where there is none.
    """
    gap = np.abs(one - other)
    gap = gap[np.isfinite(gap).all(axis=1)]
    return {name: ActionGap(
        unit=unit, ticks=len(gap),
        mean=float(gap[:, i].mean()) if len(gap) else None,
        p95=float(np.percentile(gap[:, i], 95)) if len(gap) else None,
        max=float(gap[:, i].max()) if len(gap) else None,
    ) for i, (name, unit) in enumerate(zip(contract.action.names, contract.action.units,
                                           strict=True))}


def recorded_actions(episodes: Sequence[Episode]) -> np.ndarray:
    """Return what was applied at each tick, ``(T, Da)``; NaN where no command came."""
    return np.concatenate([np.where(e.action_valid[:, None], e.actions, np.nan)
                           for e in episodes])


def described(name: str, result: Replayed, recorded: np.ndarray, contract: Contract) -> Answers:
    """
    Return what a replay shows of one policy.

    :param recorded: ``(T, Da)``, see ``recorded_actions``.
    """
    return Answers(name=name, latency_p50_s=result.latency_s(50),
                   latency_p99_s=result.latency_s(99), trips=dict(sorted(result.trips.items())),
                   from_recorded=difference(result.actions, recorded, contract))


@dataclass(frozen=True)
class Thresholds:
    """What a regression may differ at most; differences as a part of each field's range."""

    mean_ratio: float = 0.05
    p95_ratio: float = 0.2
    max_ratio: float = 1.0
    trips_ratio: float = 0.01
    """More ticks of a kind of trip than the policy it is held against, of all ticks"""
    latency_s: float | None = None
    """99 % of the answers come within; None: half a period, the rest is for messages"""


def broken(gaps: dict[str, ActionGap], one: Replayed, other: Replayed | None, contract: Contract,
           limits: Thresholds) -> list[str]:
    """Return which thresholds are broken, a sentence each."""
    found, action = [], contract.action
    for i, (name, row) in enumerate(gaps.items()):
        span = float(action.high[i] - action.low[i])
        for key, gap, ratio in (('mean', row.mean, limits.mean_ratio),
                                ('p95', row.p95, limits.p95_ratio),
                                ('max', row.max, limits.max_ratio)):
            if gap is None:
                found.append(f'{name}: no tick at which both gave an action')
                break
            if gap > (ratio + ROUNDING_RATIO) * span:
                got, most = apart(gap, ratio * span, 4)
                found.append(f'{name}: {key} difference {got} {row.unit} is above {most} '
                             f'({ratio:g} of its range)')
    ticks = max(1, len(one.actions))
    for reason, count in sorted(one.trips.items()):
        before = other.trips[reason] if other else 0
        if (count - before) / ticks > limits.trips_ratio:
            found.append(f'{reason}: {count} of {ticks} ticks, {before} before; more than '
                         f'{limits.trips_ratio:g} of the ticks are new')
    allowed_s = limits.latency_s or contract.period_ns / 2e9
    p99_s = one.latency_s(99)
    if p99_s > allowed_s:
        got, most = apart(p99_s * 1e3, allowed_s * 1e3)
        found.append(f'latency: p99 {got} ms is above {most} ms')
    return found
