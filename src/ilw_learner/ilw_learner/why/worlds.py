"""
Which simulated world an episode was recorded in, and what policy and expert do if it is changed.

``do(x)`` in J. Pearl's sense (Causality, 2000): everything up to the moment is as it was, but for
one thing. Interventions on the world a policy is reset to: arXiv 2307.15980.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import time
from typing import Any, Protocol

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_learner.rollout.evaluate import parted
from ilw_learner.why.asked import Ask, ManyAsked

SEARCHED = 300
"""Worlds among which that of an episode is looked for"""
_NEAR_RATIO = 0.02
"""Of each number's range: the first observations of one world differ by sensor noise only"""
_EXACT_RATIO = 1e-4
_WAITED = 100
"""Ticks that a world may have stood before its recording began"""


class Retraces(Protocol):
    """An episode that was driven again; see ``ilw_sim.counterfactual.Retraced``."""

    obs: np.ndarray
    """(T+1, Do)"""
    poses: np.ndarray
    """(T+1, 3) x, y [m], yaw [rad]"""
    expert: np.ndarray
    """(T+1, Da)"""
    images: Mapping[str, np.ndarray]
    """Contract entry -> (T+1, H, W, C) uint8; empty: not drawn"""


class ChangingEnv(Protocol):
    """What an environment needs beside Gymnasium's interface to be asked ``do()``."""

    def reset(self, *, seed: int) -> tuple[Any, dict[str, Any]]: ...

    def things(self) -> dict[str, np.ndarray]:
        """Return what stands in the world: its outline, (N, 2) corners [m]."""

    def changes(self, names: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """Return what can be otherwise, of these things too: words, and what ``retrace`` takes."""

    def retrace(self, seed: int, actions: np.ndarray, do: Mapping[str, Any] | None = None, *,
                images: bool = False) -> Retraces: ...


@dataclass(frozen=True)
class KnownWorld:
    """A recorded episode whose simulated world is known."""

    episode: Episode
    seed: int
    waited: int
    """Ticks that the world stood still before the recording began"""
    off_ratio: float
    """Largest difference of an observation that was driven again from the one that was recorded,
    as a part of its range"""
    actions: np.ndarray
    """(waited + T, Da) as applied"""


@dataclass(frozen=True)
class Answer:
    """What one change does to the actions of one episode, tick by tick."""

    cause: str
    """``box 3``, ``goal to the left``, ``cube to the left``, ..."""
    policy: np.ndarray
    """(T, Da) action with the change minus without, contract units"""
    expert: np.ndarray
    """(T, Da) likewise"""
    seen: np.ndarray
    """(Do,) mean change of each observed number"""
    pictures: dict[str, float]
    """Contract entry -> mean change of its pixels, as a part of their range"""


@dataclass(frozen=True)
class Asked:
    """One episode, asked about every cause."""

    world: KnownWorld
    things: dict[str, np.ndarray]
    poses: np.ndarray
    """(T, 3) true x, y [m], yaw [rad]"""
    policy: np.ndarray
    """(T, Da) what it does there unchanged"""
    expert: np.ndarray
    """(T, Da) likewise"""
    answers: tuple[Answer, ...]
    left_out: tuple[str, ...]
    """Things too far from the way, or for which there was no time"""


def find_worlds(env: ChangingEnv, contract: Contract, episodes: Sequence[Episode],
                searched: int = SEARCHED, most: int = 3, budget_s: float = 15.0,
                ) -> list[KnownWorld]:
    """
    Return episodes that can be driven again, in one of the first ``searched`` worlds.

    What is driven again must be seen as it was recorded, but for sensor noise.

    The world of an episode is mostly that of its number, so those nearest to it are tried first.

    :param most: episodes.
    :param budget_s: time of the processor after which the search ends; others may use it, too.
    """
    span = contract.obs_high - contract.obs_low
    until, first, found = time.process_time() + budget_s, dict[int, np.ndarray](), []
    for number, episode in enumerate(episodes):
        for seed in sorted(range(searched), key=lambda each: abs(each - number)):
            if len(found) >= most or time.process_time() > until:
                return found
            if seed not in first:
                first[seed] = parted(env.reset(seed=seed)[0])[0]
            if (np.abs(first[seed] - episode.obs[0]) <= _NEAR_RATIO * span).all():
                world = _aligned(env, contract, episode, seed)
                if world.off_ratio <= _NEAR_RATIO:  # else ticks were lost, or it was another plant
                    found.append(world)
                break
    return found


def _aligned(env: ChangingEnv, contract: Contract, episode: Episode, seed: int) -> KnownWorld:
    """Find how long the world had stood when the recording began: sensor noise tells."""
    span, rest = contract.obs_high - contract.obs_low, contract.action.rest
    standing = env.retrace(seed, np.repeat(rest[None], _WAITED, axis=0)).obs
    off = (np.abs(standing - episode.obs[0]) / span).max(axis=1)
    waited = int(off.argmin()) if off.min() <= _EXACT_RATIO else 0
    driven = np.where(episode.action_valid[:, None], episode.actions, rest)
    actions = np.concatenate([np.repeat(rest[None], waited, axis=0), driven])
    again = env.retrace(seed, actions).obs[waited:]
    seen = np.where(episode.obs_valid, np.abs(again - episode.obs) / span, 0.0)
    return KnownWorld(episode, seed, waited, float(seen.max()), actions)


def ask_all(env: ChangingEnv, world: KnownWorld, ask: Ask | ManyAsked, history: int, *,
            most: int = 10, budget_s: float = 10.0, images: bool = False) -> Asked:
    """
    Change each thing near the way, and the goal, and ask policy and expert at every tick.

    :param most: things, the nearest first.
    :param budget_s: time of the processor after which no further change is begun.
    :param images: the policy sees images, so they are drawn.
    """
    until = time.process_time() + budget_s
    drawn: dict[str, Any] = {'images': True} if images else {}
    plain = env.retrace(world.seed, world.actions, **drawn)
    things = env.things()
    acts = _acts(plain, ask, history)[world.waited:-1]
    near = sorted(things, key=lambda name: float(np.hypot(
        *(things[name][None] - plain.poses[:, None, :2]).T).min()))
    answers, skipped = [], list(near[most:])
    for cause, do in env.changes(near[:most]):
        if time.process_time() > until:
            skipped.append(cause)
            continue
        other = env.retrace(world.seed, world.actions, do, **drawn)
        answers.append(Answer(
            cause, _acts(other, ask, history)[world.waited:-1] - acts,
            (other.expert - plain.expert)[world.waited:-1],
            np.abs(other.obs - plain.obs)[world.waited:-1].mean(axis=0), {
                name: float(np.abs(each.astype(np.int16) - plain.images[name]).mean()) / 255.0
                for name, each in other.images.items()}))
    return Asked(world, things, plain.poses[world.waited:-1], acts,
                 plain.expert[world.waited:-1], tuple(answers), tuple(skipped))


def _acts(driven: Retraces, ask: Ask | ManyAsked, history: int) -> np.ndarray:
    """Return what a policy does at every tick, ``(T+1, Da)``; as a runner that begins there."""
    rows = np.maximum(np.arange(len(driven.obs))[:, None] + np.arange(1 - history, 1), 0)
    if isinstance(ask, ManyAsked):
        ask = ask.at({name: each[rows] for name, each in driven.images.items()})
    return ask(driven.obs[rows])
