"""A pool of worlds as flat arrays, from the same task classes and seeds as the PyBullet ones."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
import math
import multiprocessing
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ilw_core.contract.file import Contract, parse_contract
from ilw_core.contract.schema import Section
from ilw_sim.physics.disturbance import VeerOptions
from ilw_sim.physics.robot import ROBOT_KEYS
from ilw_sim.sensing.options import SensorOptions
from ilw_sim.tasks.scene import Box, Scene, Shape
from ilw_sim.tasks.tasks import TASKS

_ONE_PLACE = ('maze', 'map')  # tasks whose worlds share their shapes, and are made at once
_MANY = 400  # worlds that take longer than starting processes
_REMEMBERED = 2000
"""Who drives in a world, looks ahead in it and draws it are given the same scene"""
_SCENES: dict[tuple[object, int], Scene] = {}
"""What a task reads of its contract, and a seed -> scene"""


class Pool(NamedTuple):
    """Worlds: a room of shapes, a start and a goal each; several may share a room."""

    shapes: Any  # (rooms, S, 7) float32: x, y, cos, sin of yaw, half sides, bounding radius;
    #              a cylinder has its radius for the first half side and -1 for the second
    counts: Any  # (rooms,) int32, shapes of each
    bounds: Any  # (rooms, 4) float32: x from, x to, y from, y to of the walls around it
    rooms: Any   # (W,) int32
    starts: Any  # (W, 3) float32: x, y, yaw
    goals: Any   # (W, 2) float32


def make_scenes(contract: Contract, seeds: Sequence[int]) -> list[Scene]:
    """
    Return the scene that ``IlwEnv.reset`` makes of each seed, its shortest path perhaps NaN.

    :raises ContractError: a seed has no solvable world.
    """
    seeds = list(seeds)
    workers = min(os.cpu_count() or 1, 8)
    if len(seeds) < _MANY or workers == 1 or contract.scene.get('task') in _ONE_PLACE:
        return _scenes(contract, seeds)
    # Forked processes would inherit the threads of numba and torch; these start clean.
    context = multiprocessing.get_context('forkserver')
    with ProcessPoolExecutor(workers, mp_context=context) as executor:
        parts = executor.map(
            _scenes_of_text, [contract.text] * workers, [contract.folder] * workers,
            [seeds[k::workers] for k in range(workers)])
        found: list[Any] = [None] * len(seeds)
        for k, part in enumerate(parts):
            found[k::workers] = part
    return found


def make_pool(scenes: Sequence[Scene]) -> Pool:
    """Return scenes as arrays; scenes that share their shapes share a room."""
    index: dict[int, int] = {}
    rooms_of = [index.setdefault(id(scene.shapes), len(index)) for scene in scenes]
    of_room = {room: scene.shapes for room, scene in zip(rooms_of, scenes, strict=True)}
    inside = {room: inner_shapes(shapes) for room, shapes in of_room.items()}
    most = max(len(shapes) for _, shapes in inside.values())
    rows = np.zeros((len(of_room), max(most, 1), 7), np.float32)
    for room, (_, shapes) in inside.items():
        for k, shape in enumerate(shapes):
            rows[room, k] = _row(shape)
    order = range(len(inside))
    return Pool(
        rows, np.array([len(inside[k][1]) for k in order], np.int32),
        np.array([inside[k][0] for k in order], np.float32), np.array(rooms_of, np.int32),
        np.array([s.start for s in scenes], np.float32),
        np.array([s.goal for s in scenes], np.float32))


def inner_shapes(
    shapes: tuple[Shape, ...],
) -> tuple[tuple[float, float, float, float], tuple[Shape, ...]]:
    """
    Return the rectangle that four upright walls enclose, and the other shapes.

    From within, four walls are one rectangle: a third of the work of a room. Where no four boxes
    enclose one, it is boundless and nothing is left out.
    """
    upright = [s for s in shapes if isinstance(s, Box) and s.yaw == 0.0]
    boundless = (-1e9, 1e9, -1e9, 1e9), shapes
    if not upright:
        return boundless
    left, right = (pick(upright, key=lambda s: s.x) for pick in (min, max))
    below, above = (pick(upright, key=lambda s: s.y) for pick in (min, max))
    bounds = (left.x + left.half[0], right.x - right.half[0],
              below.y + below.half[1], above.y - above.half[1])
    enclosed = (
        all(abs(s.y - y) <= s.half[1] for s in (left, right) for y in bounds[2:])
        and all(abs(s.x - x) <= s.half[0] for s in (below, above) for x in bounds[:2]))
    walls = (left, right, below, above)
    if not enclosed or bounds[0] >= bounds[1] or bounds[2] >= bounds[3]:
        return boundless
    return bounds, tuple(s for s in shapes if not any(s is wall for wall in walls))


def _row(shape: Shape) -> list[float]:
    if isinstance(shape, Box):
        return [shape.x, shape.y, math.cos(shape.yaw), math.sin(shape.yaw), *shape.half,
                math.hypot(*shape.half)]
    return [shape.x, shape.y, 1.0, 0.0, shape.radius, -1.0, shape.radius]


def _scenes(contract: Contract, seeds: list[int]) -> list[Scene]:
    """Make scenes, or remember them; where a file beside the contract says what stands, make."""
    if contract.scene.get('task') in _ONE_PLACE:
        return _made(contract, seeds)
    read = (contract.name, contract.folder, contract.goal_radius_m, contract.timeout_s,
            repr(contract.scene), repr(contract.reward))  # as it is: its text may be another's
    keys = [(read, seed) for seed in seeds]
    found = {key: _SCENES[key] for key in keys if key in _SCENES}
    lacking = [key for key in dict.fromkeys(keys) if key not in found]
    found.update(zip(lacking, _made(contract, [seed for _, seed in lacking]), strict=True))
    for key in lacking[:_REMEMBERED]:
        while len(_SCENES) >= _REMEMBERED:
            del _SCENES[next(iter(_SCENES))]
        _SCENES[key] = found[key]
    return [found[key] for key in keys]


def _made(contract: Contract, seeds: list[int]) -> list[Scene]:
    section = Section(contract.scene, f'{contract.name}.scene')
    task = TASKS[section.text('task', choices=tuple(TASKS))](contract, section)
    SensorOptions.take(section)
    VeerOptions.take(section)
    for key in ROBOT_KEYS:
        section.take(key)
    section.done()
    return [task.make_scene(np.random.default_rng(seed), measured=False) for seed in seeds]


def _scenes_of_text(text: str, folder: Path | None, seeds: list[int]) -> list[Scene]:
    """Do so in another process: a contract itself, with its codecs, cannot be sent there."""
    return _scenes(replace(parse_contract(text), folder=folder), seeds)
