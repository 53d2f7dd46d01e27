"""
Open-loop replay: the recorded commands through a plant, beside where odometry says the base went.

Nothing corrects the model on the way, so its errors add up, as they do between two looks of a
policy that plans ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_core.base.plant import Plant
from ilw_core.base.plant_response import poses
from ilw_core.errors import EpisodeError
from ilw_sysid.identify.drive import Drive

Model = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(N,) command stamps [s], (N, 2) commands, (M,) times [s] -> (M, 3) poses from (0, 0, 0)"""

_WINDOW_S = 10.0
_EVERY_S = 2.0
_LEAST_WAY_M = 0.2


@dataclass(frozen=True)
class Replay:
    """One model on one drive."""

    path: np.ndarray
    """(M, 3) x, y [m], yaw [rad], from the pose that odometry begins with"""
    error_m: np.ndarray
    """(M,) distance to odometry's place"""
    heading_error_rad: np.ndarray
    """(M,)"""
    per_second: tuple[float, float]
    """Growth of both errors [m/s, rad/s] over windows of 10 s that begin without error"""
    per_metre: tuple[float, float]
    """The same over the way driven [m/m, rad/m]; NaN if hardly any was"""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            'position_error_mean_m': float(self.error_m.mean()),
            'position_error_end_m': float(self.error_m[-1]),
            'heading_error_mean_rad': float(np.abs(self.heading_error_rad).mean()),
            'position_m_per_s': _or_none(self.per_second[0]),
            'heading_rad_per_s': _or_none(self.per_second[1]),
            'position_m_per_m': _or_none(self.per_metre[0]),
            'heading_rad_per_m': _or_none(self.per_metre[1])}


def plant_model(plant: Plant) -> Model:
    """Return the reference model of a plant."""
    return lambda stamps_s, commands, at_s: poses(plant, stamps_s, commands, at_s)


def replay(model: Model, drive: Drive) -> Replay:
    """
    Drive a model with the commands of a drive.

    Odometry's delay is part of the plant's delay here, as ``estimate.py`` defines it.
    """
    if len(drive.odom_s) < 2:
        raise EpisodeError('A replay needs at least two odometry messages. Got '
                           f'{len(drive.odom_s)}.')
    own = model(drive.command_s, drive.commands, drive.odom_s)
    path = _from(own, 0, drive.poses[0])
    error_m = np.hypot(*(path - drive.poses)[:, :2].T)
    heading = path[:, 2] - drive.poses[:, 2]
    return Replay(path, error_m, heading, *_growth(own, drive))


def split(drive: Drive) -> tuple[Drive, Drive]:
    """Return the parts before and after half of the motion: fit on one, judge on the other."""
    moved = np.concatenate([[0.0], np.cumsum(
        np.hypot(*np.diff(drive.poses[:, :2], axis=0).T)
        + 0.1 * np.abs(np.diff(drive.poses[:, 2])))])
    middle_s = float(drive.odom_s[np.searchsorted(moved, 0.5 * moved[-1])])
    return drive.between(-np.inf, middle_s), drive.between(middle_s, np.inf)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _from(path: np.ndarray, row: int, start: np.ndarray) -> np.ndarray:
    """Return a path moved and turned so that it is at ``start`` in one row."""
    turn = start[2] - path[row, 2]
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = (path[:, :2] - path[row, :2]).T
    return np.stack([start[0] + cos * x - sin * y, start[1] + sin * x + cos * y,
                     path[:, 2] + turn], axis=1)


def _growth(own: np.ndarray, drive: Drive) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return errors over time and over way, from windows that begin where odometry is."""
    at_s, true = drive.odom_s, drive.poses
    way_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(true[:, :2], axis=0).T))])
    length_s = min(_WINDOW_S, float(at_s[-1] - at_s[0]))
    rows = []
    for begin_s in np.arange(at_s[0], at_s[-1] - length_s + 1e-9, _EVERY_S):
        first = int(np.searchsorted(at_s, begin_s))
        last = int(np.searchsorted(at_s, begin_s + length_s, side='right')) - 1
        if last <= first:
            continue
        end = _from(own[[first, last]], 0, true[first])[1]
        rows.append((at_s[last] - at_s[first], way_m[last] - way_m[first],
                     float(np.hypot(*(end - true[last])[:2])), abs(float(end[2] - true[last, 2]))))
    time_s, metres, position, heading = np.array(rows).reshape(-1, 4).sum(axis=0)
    if time_s == 0.0:
        return (float('nan'), float('nan')), (float('nan'), float('nan'))
    per_way = (position / metres, heading / metres) if metres > _LEAST_WAY_M else (
        float('nan'), float('nan'))
    return (position / time_s, heading / time_s), per_way
