"""A pool of worlds as flat arrays, from the same task classes and seeds as the PyBullet ones."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
import math
import multiprocessing
import os
from typing import Any, NamedTuple

import numpy as np

from ilw_core.contract import Contract, parse_contract
from ilw_core.schema import Section
from ilw_sim.disturbance import VeerOptions
from ilw_sim.scene import Box, Scene, Shape
from ilw_sim.sensors import SensorOptions
from ilw_sim.tasks import TASKS

_MANY = 400  # worlds that take longer than starting processes


class Pool(NamedTuple):
    """Worlds: a room of shapes, a start and a goal each; several may share a room."""

    shapes: Any  # (rooms, S, 7) float32: x, y, cos, sin of yaw, half sides, bounding radius;
    #              a cylinder has its radius for the first half side and -1 for the second
    counts: Any  # (rooms,) int32, shapes of each
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
    if len(seeds) < _MANY or workers == 1 or contract.scene.get('task') == 'maze':
        return _scenes(contract, seeds)
    # Forked processes would inherit the threads of numba and torch; these start clean.
    context = multiprocessing.get_context('forkserver')
    with ProcessPoolExecutor(workers, mp_context=context) as executor:
        parts = executor.map(_scenes_of_text, [contract.text] * workers,
                             [seeds[k::workers] for k in range(workers)])
        found: list[Any] = [None] * len(seeds)
        for k, part in enumerate(parts):
            found[k::workers] = part
    return found


def make_pool(scenes: Sequence[Scene]) -> Pool:
    """Return scenes as arrays; scenes that share their shapes share a room."""
    index: dict[int, int] = {}
    rooms = [index.setdefault(id(scene.shapes), len(index)) for scene in scenes]
    of_room = {room: scene.shapes for room, scene in zip(rooms, scenes, strict=True)}
    most = max(len(shapes) for shapes in of_room.values())
    rows = np.zeros((len(of_room), max(most, 1), 7), np.float32)
    for room, shapes in of_room.items():
        rows[room, :len(shapes)] = [_row(shape) for shape in shapes]
    return Pool(
        rows, np.array([len(of_room[k]) for k in range(len(of_room))], np.int32),
        np.array(rooms, np.int32), np.array([s.start for s in scenes], np.float32),
        np.array([s.goal for s in scenes], np.float32))


def _row(shape: Shape) -> list[float]:
    if isinstance(shape, Box):
        return [shape.x, shape.y, math.cos(shape.yaw), math.sin(shape.yaw), *shape.half,
                math.hypot(*shape.half)]
    return [shape.x, shape.y, 1.0, 0.0, shape.radius, -1.0, shape.radius]


def _scenes(contract: Contract, seeds: list[int]) -> list[Scene]:
    section = Section(contract.scene, f'{contract.name}.scene')
    task = TASKS[section.text('task', choices=tuple(TASKS))](contract, section)
    SensorOptions.take(section)
    VeerOptions.take(section)
    section.done()
    return [task.make_scene(np.random.default_rng(seed), measured=False) for seed in seeds]


def _scenes_of_text(text: str, seeds: list[int]) -> list[Scene]:
    """Do so in another process: a contract itself, with its codecs, cannot be sent there."""
    return _scenes(parse_contract(text), seeds)
