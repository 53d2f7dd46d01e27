"""What a recording holds of an arm: what was commanded, and how tool and joints moved."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ilw_core.contract.command_topic import is_twist
from ilw_core.contract.file import Contract
from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import find_episodes
from ilw_data.bag.reader import Bag, BagTopic

_AXES = ('x', 'y', 'z')
JOINTS, POSE = 'sensor_msgs/msg/JointState', 'geometry_msgs/msg/PoseStamped'


@dataclass(frozen=True)
class Moves:
    """The motion of one episode, in D quantities; seconds from its first message on."""

    command_s: np.ndarray
    """(N,) rising"""
    commands: np.ndarray
    """(N, D) commanded velocities, held until the next"""
    measured_s: np.ndarray
    """(M,) rising"""
    places: np.ndarray
    """(M, D) where they took it"""
    joints_rad: np.ndarray
    """(K, J) of the arm's joints; no row where they are not told of"""


def is_arm(contract: Contract) -> bool:
    """Tell whether a contract moves an arm in a way that is identified here."""
    return _twist(contract) is not None and bool(_tool(contract))


def read_moves(folder: Path, contract: Contract) -> list[Moves]:
    """
    Return the motion of each episode at or below a folder.

    :raises EpisodeError: a recording lacks commands or the pose of the tool.
    """
    return [_read(each.path, contract) for each in find_episodes(folder)]


def _read(path: Path, contract: Contract) -> Moves:
    command, tool, bag = _twist(contract), _tool(contract), Bag(path)
    assert command is not None
    joints = next((s for s in contract.sources if s.type == JOINTS
                   and len(s.feature.expected) > 1), None)
    wanted = {command[0], tool, *([joints.topic] if joints else [])}
    read = bag.topics(wanted)
    for topic in (command[0], tool):
        if topic not in read or len(read[topic].logged_ns) < 2:
            raise EpisodeError(f'{path} must hold the motion of an arm on {tool}, and the '
                               f'commands on {command[0]}. It has: '
                               f'{", ".join(sorted(bag.types))}.')
    begin_ns = int(read[tool].stamps_ns.min())
    command_s, commands = _columns(read[command[0]], command[1], begin_ns)
    measured_s, places = _columns(read[tool], [f'pose.position.{axis}' for axis in _AXES],
                                  begin_ns)
    angles = np.empty((0, 0))
    if joints is not None and joints.topic in read:
        angles = np.stack([np.asarray(row, dtype=np.float64)[:len(joints.feature.expected)]
                           for row in read[joints.topic].fields.column('position')])
    return Moves(command_s, commands, measured_s, places, angles)


def _columns(topic: BagTopic, paths: list[str], begin_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return seconds ``(N,)``, rising, and the values ``(N, D)`` at them."""
    stamps_s, rows = np.unique((topic.stamps_ns - begin_ns) * 1e-9, return_index=True)
    values = np.stack([topic.fields.column(path) for path in paths], axis=1)
    return stamps_s, values[rows].astype(np.float64)


def _twist(contract: Contract) -> tuple[str, list[str]] | None:
    """Return topic and paths of the linear velocities that a contract commands a tool."""
    for command in contract.action.commands:
        paths = [path for path in (f'twist.linear.{axis}' for axis in _AXES)
                 if path in command.paths]
        if is_twist(command.type) and len(paths) == 3:
            return command.topic, paths
    return None


def _tool(contract: Contract) -> str:
    """Return the topic of the tool's pose, which a contract observes by itself; empty: none."""
    return next((s.topic for s in contract.sources
                 if s.type == POSE and s.feature.kind == 'pose'), '')
