"""
Recover the reward of demonstrations in one fixed world, cut into bins of x, y and heading.

Who never collides shows that a collision is bad and not how bad: any weight from some point on
explains the demonstrations alike, and a planner that starts nearer to a wall than they did would
then collide to save the way. So a collision counts as all the steps of an episode beside its own
weight: as bad, at least, as to run out of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode, Outcome
from ilw_learner.algorithms.q_learning.qtable_model import Model
from ilw_learner.rewards.maximum_causal_entropy import (
    FiniteWorld,
    RecoveredWeights,
    demonstrations_of,
    recover_weights,
)
from ilw_learner.rewards.reward_file import PlaceRewards, RecoveredReward
from ilw_learner.rewards.step_features import pose_columns

METHOD = 'maximum causal entropy'
NAMED = ('goal', 'collision', 'step')
_NAMED_PRIOR = 1e-6
"""Precision of a weight's prior, per episode: who never collides may fear it a hundredfold"""
_PLACE_PRIOR = 0.1
"""A place differs from the others only where it explains something; never visited ones do not"""


@dataclass(frozen=True)
class BinnedWorld:
    """A model's world with the two ways to end as states of their own."""

    model: Model
    world: FiniteWorld
    features: np.ndarray
    """(S + 2, 3 + nx * ny) of entering a state: ``NAMED``, then each place"""
    prior: np.ndarray
    """(3 + nx * ny,)"""
    hold: int
    """Ticks of an action"""

    @property
    def goal(self) -> int:
        """The state of having arrived; the next one is that of having collided."""
        return len(self.model.free)


def paying_ends(contract: Contract) -> Contract:
    """Return a contract whose reward is that of its ends alone, by which a model tells them."""
    reward: dict[str, Any] = dict.fromkeys(contract.reward, 0.0)
    return replace(contract, reward=reward | {'goal': 1.0, 'collision': -1.0})


def binned_world(contract: Contract, model: Model, hold: int) -> BinnedWorld:
    """
    Return a model as maximum causal entropy needs it.

    :param model: of ``paying_ends``.
    :param hold: ticks for which the model holds an action.
    """
    states, kinds = model.after.shape
    goal, collided = states, states + 1
    ends_at = np.where(model.reward > 0.0, goal, collided)
    after = np.vstack([np.where(model.ended, ends_at, model.after),
                       np.full((1, kinds), goal), np.full((1, kinds), collided)])
    ends = np.arange(states + 2) >= states
    horizon = math.ceil(contract.timeout_s * contract.rate_hz / hold)
    places = model.shape[0] * model.shape[1]
    features = np.zeros((states + 2, len(NAMED) + places))
    features[goal, 0] = features[collided, 1] = features[:states, 2] = 1.0
    features[collided, 2] = horizon
    features[np.arange(states), len(NAMED) + np.arange(states) // model.shape[2]] = 1.0
    prior = np.repeat([_NAMED_PRIOR, _PLACE_PRIOR], [len(NAMED), places])
    return BinnedWorld(model, FiniteWorld(after.astype(np.int64), ends, horizon), features, prior,
                       hold)


def ways_of(episodes: Sequence[Episode], contract: Contract,
            binned: BinnedWorld) -> list[np.ndarray]:
    """
    Return the states that recorded episodes were in, one per held action, and how they ended.

    A place where the model's robot does not fit counts as the nearest one where it does, at the
    same heading.
    """
    model, ways = binned.model, []
    x, y, sin, cos = pose_columns(contract)
    nx, ny, nyaw = model.shape
    free = np.flatnonzero(model.free)
    for episode in episodes:
        obs = episode.obs[::binned.hold].astype(np.float64)
        ix, iy = (np.clip((obs[:, column] - model.origin[axis]) // model.size[axis], 0, count - 1)
                  for axis, (column, count) in enumerate(((x, nx), (y, ny))))
        iyaw = np.round(np.arctan2(obs[:, sin], obs[:, cos]) * nyaw / (2.0 * math.pi)) % nyaw
        states = ((ix * ny + iy) * nyaw + iyaw).astype(np.int64)
        for at in np.flatnonzero(~model.free[states]):
            same = free[free % nyaw == states[at] % nyaw]
            gap = np.abs(np.array(np.unravel_index(same, model.shape))[:2]
                         - np.array(np.unravel_index(states[at], model.shape))[:2, None])
            states[at] = same[(gap ** 2).sum(0).argmin()]
        if episode.outcome is Outcome.SUCCESS:
            states = np.append(states, binned.goal)
        elif episode.stop_reason == 'collision':
            states = np.append(states, binned.goal + 1)
        ways.append(states[:binned.world.horizon + 1])
    return ways


def recover_in_bins(contract: Contract, binned: BinnedWorld, ways: Sequence[np.ndarray],
                    ) -> tuple[RecoveredReward, RecoveredWeights]:
    """Return the reward under which the ways are likeliest, per tick, and how it was found."""
    shown = demonstrations_of(ways, len(binned.features))
    found = recover_weights(binned.world, binned.features, shown, binned.prior)
    goal, collision, step = found.weights[:3]
    model = binned.model
    values = found.weights[3:].reshape(model.shape[:2]) / binned.hold
    (x, y), (width, depth) = model.origin.tolist(), model.size.tolist()
    reward = RecoveredReward(
        contract, METHOD, {'goal': float(goal), 'step': float(step) / binned.hold,
                           'collision': float(collision + binned.world.horizon * step)},
        PlaceRewards((x, y), (width, depth), values))
    return reward, found
