"""
What a plant does with given commands: the reference the simulators are held against.

Commands hold until the next one, so the motion is a sum of ramps and exponentials and is computed
exactly, with no time step: ``target`` = gain x command (zero inside the dead zone), the turn's
target also has ``pull`` x the forward target; a setpoint goes to it no faster than its
acceleration limit, and each speed follows its setpoint with its own time constant.
"""

from typing import NamedTuple

import numpy as np

from ilw_core.base.plant import NO_LIMIT, Plant

_STEP_S = 0.01
"""Longest piece that positions are integrated over; Simpson's rule is off by under 1e-8 m then"""


def targets(plant: Plant, commands: np.ndarray) -> np.ndarray:
    """Return the speeds that commands lead to in the end, ``(N, 2)``: forward m/s, turn rad/s."""
    forward, turn = np.asarray(commands, dtype=np.float64).reshape(-1, 2).T
    forward = plant.gain * np.where(np.abs(forward) < plant.dead_zone_mps, 0.0, forward)
    turn = plant.turn_gain * np.where(np.abs(turn) < plant.turn_dead_zone_radps, 0.0, turn)
    return np.stack([forward, turn + plant.pull_radpm * forward], axis=1)


def respond(plant: Plant, command_stamps_s: np.ndarray, commands: np.ndarray,
            query_s: np.ndarray) -> np.ndarray:
    """
    Return the true body velocities at some times; the base rests until the first command.

    :param command_stamps_s: ``(N,)``, never falling; of equal ones the last counts.
    :param commands: ``(N, 2)`` forward speed [m/s] and turn rate [rad/s].
    :param query_s: ``(M,)`` in the same clock, in any order.
    :returns: ``(M, 2)`` forward speed [m/s] and turn rate [rad/s].
    """
    switch_s = _switches(plant, command_stamps_s)
    goal = targets(plant, commands)
    return np.stack([follow(switch_s, goal[:, axis], lag_s, query_s, most)
                     for axis, (lag_s, most) in enumerate(_axes(plant))], axis=1)


def travel(plant: Plant, command_stamps_s: np.ndarray, commands: np.ndarray,
           query_s: np.ndarray) -> np.ndarray:
    """Return distance [m] and turn [rad] since the first command, ``(M, 2)``; as ``respond``."""
    switch_s = _switches(plant, command_stamps_s)
    goal = targets(plant, commands)
    return np.stack([_integral(setpoint(switch_s, goal[:, axis], most), lag_s, query_s)
                     for axis, (lag_s, most) in enumerate(_axes(plant))], axis=1)


def poses(plant: Plant, command_stamps_s: np.ndarray, commands: np.ndarray, query_s: np.ndarray,
          start: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """
    Return the way driven, ``(M, 3)``: x [m], y [m], yaw [rad], not wrapped.

    :param query_s: ``(M,)``, never falling; the base is at ``start`` at the first of them.
    """
    query_s = np.asarray(query_s, dtype=np.float64)
    if not len(query_s):
        return np.zeros((0, 3))
    edges = np.union1d(query_s, _switches(plant, command_stamps_s))
    edges = edges[(edges >= query_s[0]) & (edges <= query_s[-1])]
    pieces = np.maximum(1, np.ceil(np.diff(edges) / _STEP_S).astype(np.int64))
    inside = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = np.repeat(edges[:-1], pieces) + inside * np.repeat(np.diff(edges) / pieces, pieces)
    knots = np.append(begin, edges[-1])
    # Interleaved, not sorted: between neighbouring floats the middle is one of the two.
    points = np.empty(2 * len(knots) - 1)
    points[::2], points[1::2] = knots, 0.5 * (knots[:-1] + knots[1:])
    # A jump of a speed (lag 0) belongs to the piece after it: each piece asks for its own end.
    yaw = start[2] + (turn := travel(plant, command_stamps_s, commands, points)[:, 1]) - turn[0]
    width_s = np.diff(knots)
    speed = [respond(plant, command_stamps_s, commands, at)[:, 0] for at in (
        knots[:-1], knots[:-1] + 0.5 * width_s, np.nextafter(knots[1:], knots[:-1]))]
    way = []
    for project, origin in ((np.cos, start[0]), (np.sin, start[1])):
        flank = project(yaw)
        area = width_s / 6.0 * (speed[0] * flank[:-2:2] + 4.0 * speed[1] * flank[1::2]
                                + speed[2] * flank[2::2])
        way.append(origin + np.concatenate([[0.0], np.cumsum(area)]))
    rows = np.searchsorted(knots, query_s)
    return np.stack([way[0][rows], way[1][rows], yaw[::2][rows]], axis=1)


class Ramps(NamedTuple):
    """A signal of straight pieces; 0 before the first."""

    begin_s: np.ndarray
    """(K,) never falling"""
    value: np.ndarray
    """(K,) at the beginning of each piece"""
    slope: np.ndarray
    """(K,) per second"""


def setpoint(switch_s: np.ndarray, goal: np.ndarray, most: float = NO_LIMIT) -> Ramps:
    """
    Return what goes from goal to goal no faster than ``most`` per second, from 0.

    :param switch_s: ``(N,)`` when the goal changes, never falling.
    :param goal: ``(N,)`` its value from then on.
    """
    if most >= NO_LIMIT:
        return Ramps(switch_s, goal, np.zeros(len(goal)))
    begin, value, slope, now = [], [], [], 0.0
    spans = np.diff(switch_s, append=np.inf).tolist()
    for at_s, span_s, wanted in zip(switch_s.tolist(), spans, goal.tolist(), strict=True):
        gap = wanted - now
        needs_s = abs(gap) / most
        begin.append(at_s)
        value.append(now)
        slope.append(most if gap > 0.0 else -most if gap < 0.0 else 0.0)
        if needs_s <= span_s:
            now = wanted
            begin.append(at_s + needs_s)
            value.append(now)
            slope.append(0.0)
        else:
            now += slope[-1] * span_s
    return Ramps(np.array(begin), np.array(value), np.array(slope))


def follow(switch_s: np.ndarray, goal: np.ndarray, lag_s: float, query_s: np.ndarray,
           most: float = NO_LIMIT) -> np.ndarray:
    """Return a first-order lag's answer to ``setpoint``, ``(M,)``; at rest before it."""
    query_s = np.asarray(query_s, dtype=np.float64)
    if not len(switch_s):
        return np.zeros(len(query_s))
    ramps = setpoint(switch_s, goal, most)
    piece = np.searchsorted(ramps.begin_s, query_s, side='right') - 1
    at = np.maximum(piece, 0)
    since_s = np.maximum(query_s - ramps.begin_s[at], 0.0)
    value = ramps.value[at] + ramps.slope[at] * since_s
    if lag_s > 0.0:
        behind = _states(ramps, lag_s) - ramps.value + ramps.slope * lag_s
        value += behind[at] * np.exp(-since_s / lag_s) - ramps.slope[at] * lag_s
    return np.where(piece >= 0, value, 0.0)


def _axes(plant: Plant) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return time constant and acceleration limit of each axis."""
    return ((plant.lag_s, plant.acceleration_mps2),
            (plant.turn_lag_s, plant.turn_acceleration_radps2))


def _switches(plant: Plant, command_stamps_s: np.ndarray) -> np.ndarray:
    stamps_s = np.asarray(command_stamps_s, dtype=np.float64)
    if np.any(np.diff(stamps_s) < 0.0):
        raise ValueError('command_stamps_s must never fall. Sort the commands by their stamps.')
    return stamps_s + plant.delay_s


def _states(ramps: Ramps, lag_s: float) -> np.ndarray:
    """
    Return the lag's answer at the beginning of each piece, ``(K,)``.

    Over a piece x becomes a x + b; such maps compose, so all prefixes come in log2(K) passes.
    """
    span_s = np.diff(ramps.begin_s)
    factor = np.exp(-span_s / lag_s)
    late = (ramps.value - ramps.slope * lag_s)[:-1]
    offset = late * (1.0 - factor) + ramps.slope[:-1] * span_s
    reach = 1
    while reach < len(factor):
        offset[reach:] = factor[reach:] * offset[:-reach] + offset[reach:]
        factor[reach:] = factor[reach:] * factor[:-reach]
        reach *= 2
    return np.concatenate([[0.0], offset])


def _integral(ramps: Ramps, lag_s: float, query_s: np.ndarray) -> np.ndarray:
    query_s = np.asarray(query_s, dtype=np.float64)
    if not len(ramps.begin_s):
        return np.zeros(len(query_s))
    piece = np.searchsorted(ramps.begin_s, query_s, side='right') - 1
    at = np.maximum(piece, 0)
    behind = np.zeros(len(ramps.begin_s))
    if lag_s > 0.0:
        behind = _states(ramps, lag_s) - ramps.value + ramps.slope * lag_s

    def area(of: np.ndarray | slice, span_s: np.ndarray) -> np.ndarray:
        steady: np.ndarray = (ramps.value[of] - ramps.slope[of] * lag_s) * span_s
        fading = -np.expm1(-span_s / lag_s) * lag_s * behind[of] if lag_s > 0.0 else 0.0
        return steady + 0.5 * ramps.slope[of] * span_s ** 2 + fading

    whole = np.concatenate([[0.0], np.cumsum(area(slice(-1), np.diff(ramps.begin_s)))])
    since_s = np.maximum(query_s - ramps.begin_s[at], 0.0)
    return np.where(piece >= 0, whole[at] + area(at, since_s), 0.0)
