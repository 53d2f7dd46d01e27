"""
New demonstrations from recorded ones: each part of a drive is moved with the thing it goes by.

A. Mandlekar et al., "MimicGen: A Data Generation System for Scalable Robot Learning using Human
Demonstrations", CoRL 2023 (arXiv 2310.17596), section 4: a demonstration is parted by the thing
that each part is about; in a new world the tool's way of a part is moved rigidly with that thing;
straight lines join the parts; it is driven in the simulator, and kept if it succeeds.

Differences from the paper: things lie on a table, so they are moved in its plane and turned about
the vertical; a part ends where its thing was moved by a centimetre; the recording of a new drive
is drawn at random of all; no noise is added, the simulator pushes the tool off its way itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.align import sample_rows
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError, EpisodeError
from ilw_core.features.rotation import yaw_of
from ilw_data.bag.reader import Bag, BagTopic
from ilw_data.episode.dataset import load_episode
from ilw_sim.arm.command import ArmCommand
from ilw_sim.arm.model import arm_of
from ilw_sim.arm.tasks import ARM_TASKS
from ilw_sim.arm.tasks.steering import quarter
from ilw_sim.arm.topics import TARGET, TOOL, object_topic

_TAKEN_M = 0.01
_STEP_M, _STEP_RAD = 0.018, 0.09
"""Per tick on the way from part to part: nine tenths of what a tick allows, for what is to be
made up for"""
_WAIT_TICKS = 10
"""After the last part: what was let go of comes to rest"""


@dataclass(frozen=True)
class DrivePart:
    """One part of a drive, by the thing that it is about."""

    thing: str
    place: np.ndarray
    """(4,) x, y, z [m], yaw [rad] of the thing as the part begins"""
    tool: np.ndarray
    """(T, 4) where the tool comes to, tick by tick"""
    fingers_m: np.ndarray
    """(T,) where each finger is sent meanwhile"""


@dataclass(frozen=True)
class RecordedDrive:
    """A recorded demonstration, in parts."""

    name: str
    parts: tuple[DrivePart, ...]


class Multiplier:
    """
    Makes drives of a task of an arm out of recorded ones.

    :raises ContractError: the task is none of an arm that is moved by twists.
    """

    def __init__(self, contract: Contract) -> None:
        options = Section(contract.scene, f'{contract.name}.scene')
        if contract.scene.get('task') not in ARM_TASKS:
            raise ContractError(f'{contract.name} must be a task of an arm. Got one of a base, '
                                f'whose drives are no parts that can be moved.')
        self._contract, self._period_s = contract, 1.0 / contract.rate_hz
        self._task = ARM_TASKS[options.text('task')](options)
        self._command = ArmCommand(contract.action, arm_of(contract))
        if not self._command.by_twist:
            raise ContractError(f'{contract.name} must move the tool by twists. Got joints that '
                                f'are told where to be. Record for another contract.')

    def read(self, folder: Path) -> RecordedDrive:
        """
        Return a recording in parts.

        :raises EpisodeError: it does not tell where tool and things were, or a thing was never
            taken away.
        """
        episode, bag = load_episode(folder, self._contract), Bag(folder)
        topics = {TOOL, TARGET, *map(object_topic, self._task.objects)} & set(bag.types)
        read = bag.topics(topics)
        targets = read[TARGET].fields.column('data') if TARGET in read else [0]
        names = self._task.parts(int(targets[0]) if len(targets) else 0)
        for topic in (TOOL, *map(object_topic, names)):
            if topic not in read:
                raise EpisodeError(f'{folder} must hold {topic}. Record that topic, too.')
        ticks = episode.stamps_ns
        tool = _places(read[TOOL], ticks)
        fingers = np.array([self._command.finger_m(action, 0.0) for action in episode.actions])
        parts, begin = [], 0
        for number, name in enumerate(names):
            places, end = _places(read[object_topic(name)], ticks), len(episode.actions)
            if number + 1 < len(names):
                gone_m = np.linalg.norm(places[begin:, :3] - places[begin, :3], axis=1)
                if not (gone_m > _TAKEN_M).any():
                    raise EpisodeError(f'{folder}: {name} was never taken away, so what belongs '
                                       f'to it cannot be told. Leave the recording out.')
                end = begin + int(np.argmax(gone_m > _TAKEN_M))
            parts.append(DrivePart(name, places[begin], tool[begin + 1:end + 1],
                                   fingers[begin:end]))
            begin = end
        return RecordedDrive(folder.name, tuple(parts))

    def drive(self, env: Any, source: RecordedDrive, take: Callable[[np.ndarray], None]) -> bool:
        """
        Drive a recording in the world that an environment was reset to; returns the success.

        :param take: called after each tick with what was applied, ``(Da,)``.
        """
        last, info = np.zeros(4), {'success': False}
        for part in source.parts:
            readings = env.simulation.tick.readings
            way = _moved(part, _place(readings[object_topic(part.thing)].pose))
            here = _place(readings[TOOL].pose)
            for last, finger in (*_straight(here, way[0], float(part.fingers_m[0])),
                                 *zip(way, part.fingers_m, strict=True)):
                info = self._go(env, last, float(finger))
                take(info['applied'])
                if env.simulation.tick.ended:
                    return bool(info['success'])
        for _ in range(_WAIT_TICKS):
            info = self._go(env, last, float(source.parts[-1].fingers_m[-1]))
            take(info['applied'])
            if env.simulation.tick.ended:
                break
        return bool(info['success'])

    def _go(self, env: Any, place: np.ndarray, finger_m: float) -> dict[str, Any]:
        """Go one tick towards a place of the tool, ``(4,)``."""
        off = place - _place(env.simulation.tick.readings[TOOL].pose)
        twist = np.array([*off[:3], 0.0, 0.0, math.remainder(off[3], 2.0 * math.pi)])
        info: dict[str, Any] = env.step(
            self._command.action(twist / self._period_s, finger_m))[4]
        return info


def _moved(part: DrivePart, place: np.ndarray) -> np.ndarray:
    """Return the tool's way of a part ``(T, 4)`` moved with its thing; cubes look alike turned."""
    turn = quarter(place[3] - part.place[3])
    cos, sin = math.cos(turn), math.sin(turn)
    off, way = part.tool - part.place, part.tool.copy()
    way[:, 0] = place[0] + cos * off[:, 0] - sin * off[:, 1]
    way[:, 1] = place[1] + sin * off[:, 0] + cos * off[:, 1]
    way[:, 3] = part.tool[:, 3] + turn
    return way


def _straight(here: np.ndarray, there: np.ndarray,
              finger_m: float) -> list[tuple[np.ndarray, float]]:
    """Return the places on a straight way, its end left out."""
    off = there - here
    off[3] = math.remainder(off[3], 2.0 * math.pi)
    steps = math.ceil(max(float(np.linalg.norm(off[:3])) / _STEP_M, abs(off[3]) / _STEP_RAD))
    return [(here + off * (step / steps), finger_m) for step in range(1, steps)]


def _places(topic: BagTopic, ticks_ns: np.ndarray) -> np.ndarray:
    """Return x, y, z [m] and yaw [rad] at each tick, ``(N, 4)``."""
    rows = np.maximum(sample_rows(topic.stamps_ns, ticks_ns), 0)
    x, y, z, w = (topic.fields.column(f'pose.orientation.{axis}')[rows] for axis in 'xyzw')
    return np.stack([*(topic.fields.column(f'pose.position.{axis}')[rows] for axis in 'xyz'),
                     np.unwrap(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))],
                    axis=1)


def _place(pose: Any) -> np.ndarray:
    at = pose.position
    return np.array([at.x, at.y, at.z, yaw_of(pose.orientation)])
