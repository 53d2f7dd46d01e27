"""What a bag holds of driving: commands, odometry and scans, found by contract or by type."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ilw_core.contract import Contract
from ilw_core.episode_folder import read_episode
from ilw_core.errors import EpisodeError
from ilw_core.lidar import DISTANCE, ScanGeometry, is_evidence, read_beams, why_no_evidence
from ilw_core.lidar_spec import PLAIN, LidarSpec
from ilw_learner.bag_reader import Bag, Topic
from ilw_learner.dataset import lidar_of
from ilw_learner.identify.clocks import Clock, command_stamps, read_clock

_ODOMETRY, _SCAN = 'nav_msgs/msg/Odometry', 'sensor_msgs/msg/LaserScan'
_COMMANDS = {'geometry_msgs/msg/TwistStamped': 'twist.', 'geometry_msgs/msg/Twist': ''}
_USUAL = {'cmd_vel', 'odom', 'scan'}
_FEWEST = 20


@dataclass(frozen=True)
class Scans:
    """Lidar scans of one geometry."""

    stamps_s: np.ndarray
    """(S,)"""
    ranges_m: np.ndarray
    """(S, L); NaN where there was no return"""
    angle_min_rad: float
    increment_rad: float


@dataclass(frozen=True)
class Drive:
    """Commands and what the base did; seconds on the odometry's clock, 0 at its first stamp."""

    command_s: np.ndarray
    """(N,) never falling"""
    commands: np.ndarray
    """(N, 2) forward speed [m/s], turn rate [rad/s]"""
    odom_s: np.ndarray
    """(M,) rising"""
    speeds: np.ndarray
    """(M, 2) as odometry tells them"""
    poses: np.ndarray
    """(M, 3) x, y [m] and yaw [rad] of odometry, not wrapped"""
    scans: Scans | None
    clock: Clock
    command_sure_s: float
    """How exactly the commands' times are known, on average"""
    findings: tuple[str, ...]
    """What had to be mended or assumed while reading"""

    def between(self, begin_s: float, end_s: float) -> 'Drive':
        """Return the same drive with the odometry and scans of a span; all commands stay."""
        rows = (self.odom_s >= begin_s) & (self.odom_s < end_s)
        scans = self.scans
        if scans is not None:
            seen = (scans.stamps_s >= begin_s) & (scans.stamps_s < end_s)
            scans = replace(scans, stamps_s=scans.stamps_s[seen], ranges_m=scans.ranges_m[seen])
        return replace(self, odom_s=self.odom_s[rows], speeds=self.speeds[rows],
                       poses=self.poses[rows], scans=scans)


def read_drive(folder: Path, contract: Contract | None = None) -> Drive:
    """
    Read the driving in a bag.

    :param contract: names the topics; without one they are found by type.
    :raises EpisodeError: the bag lacks commands or odometry, or cannot be read.
    """
    bag = Bag(folder)
    lidar = lidar_of(read_episode(folder), contract)
    command, fields = _command_topic(bag, contract, folder)
    odom = _only(_named(bag, contract, _ODOMETRY), _ODOMETRY, folder)
    scans_there = _named(bag, contract, _SCAN)
    scan = _only(scans_there, _SCAN, folder) if scans_there else None
    read = bag.topics({name for name in (command, odom, scan) if name})
    for name in (command, odom):
        if name not in read or len(read[name].fields) < _FEWEST:
            raise EpisodeError(f'{folder}: {name} must hold at least {_FEWEST} messages. Got '
                               f'{len(read[name].fields) if name in read else 0}. Record at '
                               f'least two minutes of driving.')
    base, commands = read[odom], np.stack(
        [read[command].fields.column(path) for path in fields], axis=1).astype(np.float64)
    zero_ns = int(base.stamps_ns.min())
    clock = read_clock(base, zero_ns)
    command_s, sure_s, findings = command_stamps(read[command], clock, zero_ns)
    order = np.argsort(command_s, kind='stable')
    order = order[np.isfinite(commands[order]).all(axis=1)]
    if len(order) < len(commands):
        findings.append(f'{len(commands) - len(order)} commands hold NaN and were left out, as no '
                        'base should obey them.')
    odom_s, speeds, poses, also = _odometry(base, zero_ns)
    scans, more = read_scans(read.get(scan or ''), zero_ns, lidar)
    return Drive(command_s[order], commands[order], odom_s, speeds, poses, scans, clock, sure_s,
                 tuple(clock.findings + findings + also + more))


def read_scans(topic: Topic | None, zero_ns: int,
               lidar: LidarSpec = PLAIN) -> tuple[Scans | None, list[str]]:
    """Return the scans of a topic, stamped from ``zero_ns`` on, and what is wrong with them."""
    if topic is None or len(topic.fields) < _FEWEST:
        return None, []
    fields, lengths = topic.fields, topic.fields.lengths('ranges')
    if lengths is None or lengths.min() != lengths.max():
        return None, ['The lidar changes its number of beams: its scans were left out.']
    ranges = fields.column('ranges').astype(np.float64)
    geometry = ScanGeometry(ranges.shape[1], *(float(fields.column(path)[0]) for path in (
        'angle_min', 'angle_increment', 'range_min', 'range_max', 'angle_max')))
    evident = is_evidence(ranges, geometry, lidar)
    if np.mean(evident) < 0.5:
        why = why_no_evidence(ranges[int(np.argmin(evident))], geometry, lidar)
        return None, [f'The scans show nothing and were left out: the lidar {why}']
    # A distance of range_max is, with some drivers, none.
    ranges[(read_beams(ranges, geometry, lidar) != DISTANCE)
           | (ranges >= geometry.range_max)] = np.nan
    ranges[~evident] = np.nan
    stamps_s, rows = np.unique((topic.stamps_ns - zero_ns) * 1e-9, return_index=True)
    return Scans(stamps_s, ranges[rows], geometry.angle_min, geometry.increment), []


def _command_topic(bag: Bag, contract: Contract | None, folder: Path) -> tuple[str, list[str]]:
    if contract is None:
        name = _only([t for t, kind in bag.types.items() if kind in _COMMANDS],
                     ' or '.join(_COMMANDS), folder)
        lead = _COMMANDS[bag.types[name]]
        return name, [f'{lead}linear.x', f'{lead}angular.z']
    names = contract.action.names
    found = [[n for n in names if n.endswith(tail)] for tail in ('linear.x', 'angular.z')]
    if any(len(each) != 1 for each in found):
        raise EpisodeError(f'The contract {contract.name} must command a forward speed (linear.x) '
                           f'and a turn rate (angular.z). Got {", ".join(names)}.')
    topic = contract.action.topic
    if topic not in bag.types:
        raise EpisodeError(f'{folder} has no topic {topic}, which the contract commands. It has: '
                           f'{", ".join(sorted(bag.types))}. Leave --task out to find it by type.')
    if bag.types[topic] != contract.action.type:
        raise EpisodeError(f'{folder}: {topic} must be {contract.action.type}. Got '
                           f'{bag.types[topic]}. Leave --task out to find topics by type.')
    return topic, [each[0] for each in found]


def _named(bag: Bag, contract: Contract | None, kind: str) -> list[str]:
    """Return the topics of a type that are there; of those, the contract's if it names any."""
    there = [name for name, each in bag.types.items() if each == kind]
    named = [] if contract is None else [
        s.topic for s in contract.sources if s.type == kind and s.topic in there]
    return named or there  # a contract need not observe odometry


def _only(names: Sequence[str], kind: str, folder: Path) -> str:
    usual = [name for name in names if name.split('/')[-1] in _USUAL]
    chosen = usual if len(names) > 1 else names
    if len(chosen) != 1:
        raise EpisodeError(f'{folder} must have one topic of type {kind}. Got '
                           f'{", ".join(sorted(names)) or "none"}. Name it with --task CONTRACT.')
    return chosen[0]


def _odometry(topic: Topic, zero_ns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    stamps_s = (topic.stamps_ns - zero_ns) * 1e-9
    stamps_s, rows = np.unique(stamps_s, return_index=True)

    def column(path: str) -> np.ndarray:
        values: np.ndarray = topic.fields.column(path).astype(np.float64)[rows]
        return values

    speeds = np.stack([column('twist.twist.linear.x'), column('twist.twist.angular.z')], axis=1)
    x, y, z, w = (column(f'pose.pose.orientation.{axis}') for axis in 'xyzw')
    yaw = np.unwrap(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))
    poses = np.stack([column('pose.pose.position.x'), column('pose.pose.position.y'), yaw], axis=1)
    fine = np.isfinite(speeds).all(axis=1) & np.isfinite(poses).all(axis=1)
    findings = [] if fine.all() else [f'{np.sum(~fine)} odometry messages hold NaN and were left '
                                      'out: look at the driver.']
    stamps_s, speeds, poses = stamps_s[fine], speeds[fine], poses[fine]
    if np.ptp(poses[:, :2], axis=0).max(initial=0.0) > 0.1 and not speeds.any():
        findings.append('Odometry has poses but no speeds (its twist is zero): speeds were taken '
                        'from the poses. Half a period of delay is added so.')
        speeds = _speeds_of(stamps_s, poses)
    return stamps_s, speeds, poses, findings


def _speeds_of(stamps_s: np.ndarray, poses: np.ndarray) -> np.ndarray:
    step_s, moved = np.diff(stamps_s), np.diff(poses, axis=0)
    half = poses[:-1, 2] + 0.5 * moved[:, 2]
    ahead = moved[:, 0] * np.cos(half) + moved[:, 1] * np.sin(half)
    speeds = np.stack([ahead, moved[:, 2]], axis=1) / step_s[:, None]
    return np.concatenate([speeds[:1], speeds])
