"""Recorded commands through PyBullet, open loop on an empty floor: what ./ilw gap replays with."""

from collections.abc import Callable

import numpy as np

from ilw_core.base.plant import NO_LIMIT, Plant
from ilw_sim.physics.actuation import PHYSICS_HZ, ActuatedBase
from ilw_sim.physics.diff_drive import read_urdf, urdf_path
from ilw_sim.physics.world import World
from ilw_sim.tasks.scene import Scene

_FLOOR_M = 1000.0


def model(plant: Plant) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """
    Return what drives with commands as a plant in PyBullet does.

    :returns: a function of command stamps ``(N,)`` [s], commands ``(N, 2)`` [m/s, rad/s] and times
        ``(M,)`` [s], both rising, to poses ``(M, 3)``: x, y [m], yaw [rad], not wrapped.
    """
    def drive(stamps_s: np.ndarray, commands: np.ndarray, query_s: np.ndarray) -> np.ndarray:
        # Without a limit of its own the simulator's counts, or tyres would slip at every step.
        free = min(plant.acceleration_mps2, plant.turn_acceleration_radps2) >= NO_LIMIT
        world = World(1.0 / PHYSICS_HZ, read_urdf(urdf_path()), ramp=free)
        half = 0.5 * _FLOOR_M
        world.reset(Scene((_FLOOR_M, _FLOOR_M), (), (0.0, 0.0, 0.0), (1.0, 0.0), 1.0,
                          (-half, -half)))
        base = ActuatedBase(plant, world.timestep_s, world.substeps, (0.0, 0.0))
        begin_s = float(min(query_s[0], stamps_s[0]))
        ticks = int(np.ceil((query_s[-1] - begin_s) / world.timestep_s)) + 1
        at_s = begin_s + world.timestep_s * np.arange(ticks + 1)
        newest = np.searchsorted(stamps_s, at_s, side='right') - 1
        way = [world.pose()]
        for row in newest[:-1].tolist():
            v, w = commands[row] if row >= 0 else (0.0, 0.0)
            world.step(base.answer(float(v), float(w)), lambda done: None)
            way.append(world.pose())
        world.close()
        path = np.array(way)
        path[:, 2] = np.unwrap(path[:, 2])
        return np.stack([np.interp(query_s, at_s, path[:, axis]) for axis in range(3)], axis=1)

    return drive
