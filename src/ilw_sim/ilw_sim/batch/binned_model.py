"""
A fixed world as a finite one: what each named action does from each bin of x, y and heading.

One robot per bin is simulated by the batch, without noise: it starts at the freest point of its
bin and holds the action for a while; where it ends up is where the action leads.
"""

from dataclasses import replace
import math
from typing import NamedTuple

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import YAW, X, Y
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.physics.robot import robot_of
from ilw_sim.tasks.scene import Scene, distance

_PROBES = 5  # per side of a bin, to find its freest point
_SPARE_M = 0.01


class BinnedModel(NamedTuple):
    """A Markov decision process with S states, S = nx * ny * nyaw, and K actions."""

    shape: tuple[int, int, int]
    """Bins of x, y and heading; state = (ix * ny + iy) * nyaw + iyaw"""
    origin: np.ndarray
    """(2,) lower x and y [m]"""
    size: np.ndarray
    """(2,) of a bin in x and y [m]; heading bin 0 is centred on 0"""
    goal: np.ndarray
    """(2,) x and y [m]"""
    after: np.ndarray
    """(S, K) int64 the state that an action leads to; the state itself where the episode ends"""
    reward: np.ndarray
    """(S, K) float64"""
    ended: np.ndarray
    """(S, K) bool"""
    free: np.ndarray
    """(S,) bool: the robot fits there, and is not at the goal"""


def make_model(contract: Contract, *, bins: tuple[int, ...], hold: int) -> BinnedModel:
    """
    Return the model of a contract's world.

    :param bins: of x, y and heading.
    :param hold: ticks for which an action is held.
    :raises ContractError: the contract names no actions, or its worlds differ.
    """
    one, other = make_scenes(contract, range(2))
    if not contract.action.discrete or (one.shapes, one.goal) != (other.shapes, other.goal):
        raise ContractError(f'{contract.name}: a table needs named actions and one fixed world. '
                            f'Use --algo dqn.')
    nx, ny, nyaw = bins
    size = np.array(one.size) / (nx, ny)
    points, clear = _free_points(one, size, (nx, ny))
    to_goal = np.hypot(points[..., 0] - one.goal[0], points[..., 1] - one.goal[1])
    fits = (clear > robot_of(contract).radius_m + _SPARE_M) & (to_goal > contract.goal_radius_m)
    free = np.repeat(fits.ravel(), nyaw)
    yaws = np.arange(nyaw) * 2.0 * math.pi / nyaw
    scenes = [replace(one, start=(float(x), float(y), float(yaw)))
              for x, y in points[fits] for yaw in yaws]
    env = BatchEnv(contract, scenes=scenes, noise=False)
    states, kinds = np.flatnonzero(free), len(contract.action.discrete)
    after = np.repeat(np.arange(len(free))[:, None], kinds, axis=1)
    reward = np.zeros(after.shape)
    ended = np.zeros(after.shape, dtype=bool)
    for kind in range(kinds):
        env.reset(seed=0)
        running, earned = np.ones(len(states), dtype=bool), np.zeros(len(states))
        for _ in range(hold):
            _, now, terminated, _, _ = env.step(np.full(len(states), kind))
            earned += running * now
            running &= ~terminated
        pose = env.arrays.state[:, [X, Y, YAW]].astype(np.float64)
        where = _state(pose, size, bins)
        # Off every free bin: so near to a wall that the robot would not fit; as good as hit.
        lost = running & ~free[where] & (where != states)
        earned[lost] += contract.reward['collision']
        running &= ~lost
        after[states[running], kind] = where[running]
        reward[states, kind], ended[states, kind] = earned, ~running
    return BinnedModel((nx, ny, nyaw), np.zeros(2), size, np.array(one.goal), after, reward,
                       ended, free)


def _free_points(scene: Scene, size: np.ndarray, bins: tuple[int, int]) -> tuple[
        np.ndarray, np.ndarray]:
    """Return each bin's freest point, (nx, ny, 2), and its clearance [m], (nx, ny)."""
    inner = (np.arange(_PROBES) + 0.5) / _PROBES
    x = (np.arange(bins[0])[:, None] + inner).ravel() * size[0]
    y = (np.arange(bins[1])[:, None] + inner).ravel() * size[1]
    xs, ys = np.meshgrid(x, y, indexing='ij')
    # A bin's middle wins where clearances are equal.
    off_middle = (np.add.outer((inner - 0.5) ** 2, (inner - 0.5) ** 2)).ravel()
    clear = distance(scene.shapes, xs, ys)

    def by_bin(values: np.ndarray) -> np.ndarray:
        blocks = values.reshape(bins[0], _PROBES, bins[1], _PROBES)
        return blocks.transpose(0, 2, 1, 3).reshape(*bins, -1)

    best = (np.minimum(by_bin(clear), 0.5) - 1e-3 * off_middle).argmax(-1)[..., None]
    xs, ys, clear = (np.take_along_axis(by_bin(v), best, -1)[..., 0] for v in (xs, ys, clear))
    return np.stack([xs, ys], axis=-1), clear


def _state(pose: np.ndarray, size: np.ndarray, bins: tuple[int, ...]) -> np.ndarray:
    """Return the states of (N, 3) poses, (N,) int64."""
    nx, ny, nyaw = bins
    ix = np.clip(pose[:, 0] // size[0], 0, nx - 1).astype(np.int64)
    iy = np.clip(pose[:, 1] // size[1], 0, ny - 1).astype(np.int64)
    iyaw = np.round(pose[:, 2] * nyaw / (2.0 * math.pi)).astype(np.int64) % nyaw
    return (ix * ny + iy) * nyaw + iyaw
