"""
Worlds of the simulator's tasks for the emulator, which does not know the simulator.

``./ilw eval CHECKPOINT --env ilw_bringup.emulator_worlds:make_env`` drives a machine of the
profile ``typical`` (``:mild`` and ``:nasty`` in place of ``:make_env`` the others) through the
worlds that the same seeds make in ``ilw_sim.env:make_env``. Of an arm, the emulator has the way to
it, its joints and its sensors; gravity, contacts and grasping are the simulator's.
"""

from collections.abc import Callable
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from ilw_cli.config_name import ConfigName
from ilw_core.contract.file import Contract, load_contract
from ilw_core.contract.schema import Section
from ilw_core.storage.files import write_file
from ilw_core.storage.locate import config_file
from ilw_core.text.terminal import echo
from ilw_emulator import env as emulator
from ilw_emulator.arm.answer import EmulatedArm
from ilw_emulator.arm.traits import ArmEmulatorProfile, load_arm_emulator
from ilw_emulator.world import EmulatedWorld
from ilw_sim.arm.model import arm_of
from ilw_sim.arm.servo import SERVO_EVERY
from ilw_sim.arm.tasks import is_arm
from ilw_sim.physics.actuation import PHYSICS_HZ
from ilw_sim.tasks.scene import Box, Cylinder, Scene
from ilw_sim.tasks.tasks import TASKS

if TYPE_CHECKING:
    from ilw_sim.env import IlwEnv


class SimulatedWorlds:
    """
    The worlds of a contract's simulated task, by seed.

    :raises ContractError: the contract names no simulated task.
    """

    def __init__(self, contract: Contract) -> None:
        section = Section(contract.scene, f'{contract.name}.scene')
        self._name = contract.name
        self._task = TASKS[section.text('task', choices=tuple(TASKS))](contract, section)

    def __call__(self, seed: int) -> EmulatedWorld:
        """Return the world that ``IlwEnv.reset(seed)`` makes."""
        return world_of(self._task.make_scene(np.random.default_rng(seed)), f'{self._name}-{seed}')


def world_of(scene: Scene, name: str) -> EmulatedWorld:
    """Return a scene of the simulator as a world of the emulator."""
    def boxes(kind: str) -> tuple[tuple[float, ...], ...]:
        return tuple((s.x, s.y, s.yaw, *s.half) for s in scene.shapes
                     if isinstance(s, Box) and s.kind == kind)

    return EmulatedWorld(
        name, scene.start, scene.goal, walls=boxes('wall'), boxes=boxes('box'),
        cylinders=tuple((s.x, s.y, s.radius) for s in scene.shapes if isinstance(s, Cylinder)),
        shortest_path_m=scene.shortest_path_m)


def make_env(
    contract: str | Path | Contract, *, profile: str = 'typical', seed: int | None = None,
) -> 'emulator.EmulatorEnv | IlwEnv':
    """
    Return the emulator in the simulator's worlds.

    :param profile: a name in ``config/emulators``, of an arm in ``config/emulated_arms``, or a
        path.
    :param seed: of the one machine that drives every episode; ``None``: each its own.
    """
    if not isinstance(contract, Contract):
        contract = load_contract(config_file('tasks', str(contract)))
    if is_arm(contract):
        return _arm_env(contract, profile, seed)
    return emulator.make_env(contract, profile=profile, worlds=SimulatedWorlds(contract),
                             seed=seed)


def _arm_env(contract: Contract, profile: str, machine: int | None) -> 'IlwEnv':
    from ilw_sim.env import make_env as simulated  # it brings PyBullet

    return simulated(contract, plant=emulated_arms(contract, load_arm_emulator(profile), machine))


def emulated_arms(contract: Contract, profile: ArmEmulatorProfile, machine: int | None, *,
                  kind: type[EmulatedArm] = EmulatedArm,
                  readings: int = 1) -> Callable[[int], EmulatedArm]:
    """
    Return a function that gives the arm of an episode by its seed.

    :param machine: seed of the one arm in every episode; ``None``: each its own.
    :param readings: of the sensors, in a tick of the contract that detectors are late by.
    """
    steps, joints = max(1, round(PHYSICS_HZ / contract.rate_hz)), len(arm_of(contract).joints)
    step_s = 1.0 / contract.rate_hz / steps
    return lambda seed: kind(
        profile, seed if machine is None else machine, seed, looks=-(-steps // SERVO_EVERY),
        look_s=SERVO_EVERY * step_s, step_s=step_s, joints=joints, rest=contract.action.rest,
        readings=readings)


def mild(contract: str | Path | Contract) -> 'emulator.EmulatorEnv | IlwEnv':
    """Return the emulator of a well-kept machine."""
    return make_env(contract, profile='mild')


def nasty(contract: str | Path | Contract) -> 'emulator.EmulatorEnv | IlwEnv':
    """Return the emulator of a machine that needs a mechanic."""
    return make_env(contract, profile='nasty')


def world_file(task: str, seed: int, folder: Path | None = None) -> Path:
    """
    Write the world of a task and a seed and return the file.

    :param folder: ``None``: the user's cache.
    """
    contract = load_contract(config_file('tasks', task))
    if folder is None:
        cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
        folder = Path(cache) / 'ilw' / 'worlds'
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{contract.name}-{contract.hash[:8]}-{seed}.yaml'
    text = SimulatedWorlds(contract)(seed).text()
    write_file(path, text)  # in one step: another launch may be reading the old one
    return path


@click.command()
@click.option('--task', type=ConfigName('tasks'), default='clutter', show_default=True,
              help='A contract in config/tasks/.')
@click.option('--seed', default=0, show_default=True, help='Seed of the simulated world.')
def world(task: str, seed: int) -> None:
    """
    Print the world that the simulator makes of a seed, as a world file of the emulator.

    Example: ./ilw world --task maze --seed 3 > worlds/3.yaml
    """
    contract = load_contract(config_file('tasks', task))
    echo(SimulatedWorlds(contract)(seed).text(), nl=False, lines=True)
