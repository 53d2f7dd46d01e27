"""Which topic of a recording is the command, which the odometry, and what else can be observed."""

from dataclasses import dataclass, field

import numpy as np

from ilw_core.contract.planar_twist import TWIST as SPEEDS
from ilw_core.errors import EpisodeError
from ilw_data.bag.reader import Bag
from ilw_data.drafting.figures import agreement
from ilw_data.drafting.heard import Heard, hear

TWIST, TWIST_STAMPED = 'geometry_msgs/msg/Twist', 'geometry_msgs/msg/TwistStamped'
ODOMETRY = 'nav_msgs/msg/Odometry'
SCAN = 'sensor_msgs/msg/LaserScan'
POSE, POSE_WITH_COVARIANCE = ('geometry_msgs/msg/PoseStamped',
                              'geometry_msgs/msg/PoseWithCovarianceStamped')
JOINTS = 'sensor_msgs/msg/JointState'
PICTURES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_FEWEST = 10
"""Messages of a stream that one can learn from"""


@dataclass(frozen=True)
class HeardCommand:
    """The topic that drives the robot."""

    heard: Heard
    fields: tuple[str, ...]
    """(D,) without ``twist.``; those that are not always 0"""
    values: np.ndarray
    """(N, D) float64, of messages whose values are finite"""
    times_s: np.ndarray
    """(N,) float64"""
    agreement: float
    """How far the odometry follows it, 0 to 1"""
    others: tuple[str, ...] = ()
    """Other topics that could have been it"""

    @property
    def prefix(self) -> str:
        """What the path of a field begins with in this type."""
        return 'twist.' if self.heard.type == TWIST_STAMPED else ''


@dataclass(frozen=True)
class Found:
    """What a contract can be made of."""

    command: HeardCommand
    odometry: Heard
    scan: Heard | None = None
    pose: Heard | None = None
    """Where the robot is on a map"""
    goal: Heard | None = None
    pictures: tuple[tuple[str, str], ...] = ()
    """Name and type; their messages are not looked at, which would take gigabytes"""
    left_out: list[str] = field(default_factory=list)
    """A sentence per topic that was looked at and not taken"""


def find_topics(bag: Bag) -> Found:
    """
    Return the topics to make a contract of.

    :raises EpisodeError: there is no odometry, or nothing that commands; says what there is.
    """
    odometries, left_out = _all_odometries(bag)
    commands, none_of_them = _all_commands(bag)
    left_out += none_of_them
    if not odometries or not commands:
        what, types = (('odometry', ODOMETRY) if not odometries else
                       ('command', f'{TWIST} or {TWIST_STAMPED} with values that change'))
        looked = f' Looked at: {"; ".join(left_out)}.' if left_out else ''
        has = ', '.join(f'{name} ({kind})' for name, kind in sorted(bag.types.items())[:20])
        raise EpisodeError(f'{bag.folder} holds no {what}: it takes a topic of type {types}.'
                           f'{looked} The recording has: {has or "no topic"}. Take '
                           f'one that holds both.')
    command, odometry = _best_pair(commands, odometries)
    left_out += [f'{each.name}: odometry too, {each.evidence}' for each in odometries
                 if each is not odometry]
    scans, poses, goals = (_rest(bag, left_out, kind) for kind in (
        SCAN, POSE_WITH_COVARIANCE, POSE))
    left_out += [f'{each.name}: `feature: joints` can observe {", ".join(names)}'
                 for each in _rest(bag, left_out, JOINTS) if (names := _joints(each))]
    pose = next((each for each in sorted(poses, key=lambda p: -p.count)
                 if 'initial' not in each.name and each.count > 1 and _turns(each)), None)
    return Found(command, odometry, _scan(scans), pose,
                 next((each for each in goals if 'goal' in each.name.lower()), None),
                 tuple((name, kind) for name, kind in sorted(bag.types.items())
                       if kind in PICTURES), left_out)


def _rest(bag: Bag, left_out: list[str], kind: str) -> list[Heard]:
    found, why = hear(bag, kind)
    left_out += why
    return found


def _joints(heard: Heard) -> list[str]:
    """Return the joints in the first message that names any."""
    lengths = heard.topic.fields.lengths('name')
    named = np.flatnonzero(lengths if lengths is not None else ())
    if not len(named):
        return []
    names: list[str] = heard.topic.fields.column('name', named[:1])[0].tolist()
    return names


def _all_odometries(bag: Bag) -> tuple[list[Heard], list[str]]:
    heard, left_out = hear(bag, ODOMETRY)
    found = []
    for each in heard:
        if each.count < _FEWEST:
            left_out.append(f'{each.name} has {each.count} messages, too few')
        elif not _turns(each):
            left_out.append(f'{each.name}: its orientations are no rotations')
        else:
            found.append(each)
    return found, left_out


def _turns(heard: Heard) -> bool:
    """Tell whether orientations are unit quaternions, most of them."""
    parts = [heard.column(f'pose.pose.orientation.{axis}') for axis in 'xyzw']
    length = np.sqrt(np.sum(np.square(parts), axis=0))
    return bool(np.mean(np.abs(length - 1.0) < 0.01) > 0.5)


def _all_commands(bag: Bag) -> tuple[list[HeardCommand], list[str]]:
    heard, left_out = hear(bag, TWIST, TWIST_STAMPED)
    found = []
    for each in heard:
        prefix = 'twist.' if each.type == TWIST_STAMPED else ''
        values = np.stack([each.column(prefix + path) for path in SPEEDS], axis=1)
        finite = np.isfinite(values).all(axis=1)
        values, times_s = values[finite], each.times_s[finite]
        used = [i for i in range(len(SPEEDS)) if np.any(values[:, i])]
        if len(values) < _FEWEST:
            left_out.append(f'{each.name} has {len(values)} messages with numbers, too few')
        elif not used:
            left_out.append(f'{each.name}: all {each.count} messages are zero')
        elif not np.ptp(values, axis=0).any():
            left_out.append(f'{each.name}: all {each.count} messages are the same')
        else:
            found.append(HeardCommand(each, tuple(SPEEDS[i] for i in used), values[:, used],
                                      times_s,
                                      0.0))
    return found, left_out


def _best_pair(commands: list[HeardCommand],
               odometries: list[Heard]) -> tuple[HeardCommand, Heard]:
    """Return the command and odometry that belong together best: by names, and by following."""
    scored = []
    for command in commands:
        for odometry in odometries:
            follows = max((agreement(
                command.times_s, command.values[:, i], odometry.times_s,
                np.nan_to_num(odometry.column(f'twist.twist.{path}')))
                for i, path in enumerate(command.fields)), default=0.0)
            names = command.heard.name.rsplit('/', 1)[0] == odometry.name.rsplit('/', 1)[0]
            score = (_likeness(command.heard.name) + follows + 0.5 * names
                     + 0.2 * ('odom' in odometry.name.lower()))
            scored.append((score, follows, command, odometry))
    _, follows, command, odometry = max(scored, key=lambda each: each[0])
    others = tuple(f'{each.heard.name} ({each.heard.evidence})' for each in commands
                   if each is not command)
    return HeardCommand(command.heard, command.fields, command.values, command.times_s, follows,
                        others), odometry


def _likeness(name: str) -> float:
    """Return how much a topic's name says that it is what the base obeys, 0 to 1."""
    tail = name.rsplit('/', 1)[-1].lower()
    if tail in ('cmd_vel', 'cmd_vel_unstamped', 'cmd_vel_stamped'):
        return 1.0
    if 'cmd' in tail or 'command' in tail:
        return 0.6
    return 0.3 if tail in ('twist', 'velocity') else 0.0


def _scan(scans: list[Heard]) -> Heard | None:
    """Return the lidar with the plainest name, of several alike the one with most messages."""
    return min(scans, key=lambda each: (not each.name.endswith('scan'), -each.count), default=None)
