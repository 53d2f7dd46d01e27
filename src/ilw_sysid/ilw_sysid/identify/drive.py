"""What a bag holds of driving: commands, odometry and scans, found by contract or by type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ilw_core.contract.command_topic import TWISTS, same_command
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import FORWARD, ODOMETRY, TURN, twist_command
from ilw_core.errors import EpisodeError
from ilw_core.features.lidar import (
    DISTANCE,
    ScanGeometry,
    is_evidence,
    read_beams,
    why_no_evidence,
)
from ilw_core.features.lidar_spec import PLAIN, LidarSpec
from ilw_core.features.plausible import rotation
from ilw_core.storage.episode_folder import read_episode
from ilw_data.bag.reader import Bag, BagTopic
from ilw_data.clocks.lag import Signal, find_lag
from ilw_data.episode.dataset import lidar_of
from ilw_data.episode.readings import command_problems, pose_problems, read_track
from ilw_sysid.identify.clocks import Clock, command_stamps, read_clock

_ODOMETRY, _SCAN = 'nav_msgs/msg/Odometry', 'sensor_msgs/msg/LaserScan'
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
    commands_there = _commands(bag, contract, folder)
    odometry_there, scans_there = (_named(bag, contract, kind) for kind in (_ODOMETRY, _SCAN))
    read = bag.topics({*commands_there, *odometry_there, *scans_there})
    odom = _fullest(odometry_there, read, _ODOMETRY, folder)
    base = read[odom]
    command, also = _followed(commands_there, read, base, folder)
    if len(odometry_there) > 1:
        also.append(f'Of {", ".join(sorted(odometry_there))}, odometry was read from {odom}. '
                    'Name another with --task CONTRACT.')
    scan = _fullest(scans_there, read, _SCAN, folder, least=0) if scans_there else ''
    commands = _values(read[command], commands_there[command])
    zero_ns = int(base.stamps_ns.min())
    clock = read_clock(base, zero_ns)
    command_s, sure_s, findings = command_stamps(read[command], clock, zero_ns)
    order = np.argsort(command_s, kind='stable')
    order = order[np.isfinite(commands[order]).all(axis=1)]
    if len(order) < len(commands):
        findings.append(f'{len(commands) - len(order)} commands hold NaN and were left out, as no '
                        'base should obey them.')
    _require_agreement(base, read[command], commands, odom, folder)
    odom_s, speeds, poses, mended = _odometry(base, zero_ns)
    if len(odom_s) < _FEWEST or len(order) < _FEWEST:
        raise EpisodeError(f'{folder}: {odom} and {command} must hold at least {_FEWEST} messages '
                           f'that are numbers. Got {len(odom_s)} and {len(order)}. Look at the '
                           f'driver, and record again.')
    scans, more = read_scans(read.get(scan), zero_ns, lidar)
    return Drive(command_s[order], commands[order], odom_s, speeds, poses, scans, clock, sure_s,
                 tuple(clock.findings + also + findings + mended + more))


def read_scans(topic: BagTopic | None, zero_ns: int,
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


def _commands(bag: Bag, contract: Contract | None, folder: Path) -> dict[str, list[str]]:
    """Return the topics that may hold the commands, and where in them both speeds are."""
    if contract is None:
        found = {name: [TWISTS[kind] + FORWARD, TWISTS[kind] + TURN]
                 for name, kind in bag.types.items() if kind in TWISTS}
        if not found:
            raise EpisodeError(f'{folder} must have a topic of type {" or ".join(TWISTS)}. It '
                               f'has: {", ".join(sorted(bag.types)) or "none"}. Record the '
                               f'commands, too.')
        return found
    base = twist_command(contract.action)
    if base is None:
        raise EpisodeError(f'The contract {contract.name} must command a forward speed ({FORWARD}'
                           f') and a turn rate ({TURN}) on one topic. Got '
                           f'{", ".join(contract.action.paths)}.')
    command, places = base
    topic = command.topic
    if topic not in bag.types:
        raise EpisodeError(f'{folder} has no topic {topic}, which the contract commands. It has: '
                           f'{", ".join(sorted(bag.types))}. Leave --task out to find it by type.')
    if not same_command(bag.types[topic], command.type):
        raise EpisodeError(f'{folder}: {topic} must be {command.type}. Got '
                           f'{bag.types[topic]}. Leave --task out to find topics by type.')
    paths = command.paths_in(bag.types[topic])
    return {topic: [paths[place] for place in places]}


def _count(read: Mapping[str, BagTopic], name: str) -> int:
    return len(read[name].fields) if name in read else 0


def _fullest(names: Sequence[str], read: Mapping[str, BagTopic], kind: str, folder: Path,
             least: int = _FEWEST) -> str:
    """Return the topic of the usual name if it holds enough, else the one that holds most."""
    counts = {name: _count(read, name) for name in names}
    if max(counts.values(), default=-1) < least:
        raise EpisodeError(_too_few(counts, kind, folder))
    return max(counts, key=lambda name: (counts[name] >= least and _usual(name), counts[name],
                                         name))


def _followed(names: Mapping[str, Sequence[str]], read: Mapping[str, BagTopic], odometry: BagTopic,
              folder: Path) -> tuple[str, list[str]]:
    """Return the commands that the base followed, and what was assumed if there are several."""
    counts = {name: _count(read, name) for name in names}
    full = [name for name in names if counts[name] >= _FEWEST]
    if not full:
        raise EpisodeError(_too_few(counts, ' or '.join(TWISTS), folder))
    if len(full) == 1:
        return full[0], []
    speeds = _values(odometry, ODOMETRY)

    def rank(name: str) -> tuple[float, bool, int]:
        commands = _values(read[name], names[name])
        lags = [find_lag([(_signal(read[name], commands[:, i], held=True),
                           _signal(odometry, speeds[:, i]))]) for i in (0, 1)]
        follows = max((lag.correlation for lag in lags if lag is not None), default=0.0)
        return round(follows, 1), _usual(name), counts[name]

    chosen = max(full, key=rank)
    return chosen, [f'Of {", ".join(sorted(full))}, the base follows {chosen} best: its commands '
                    'were taken. Name another with --task CONTRACT.']


def _signal(topic: BagTopic, values: np.ndarray, *, held: bool = False) -> Signal:
    fine = np.flatnonzero(np.isfinite(values))
    fine = fine[np.argsort(topic.logged_ns[fine], kind='stable')]
    return Signal(topic.logged_ns[fine] / 1e9, values[fine], held)


def _values(topic: BagTopic, fields: Sequence[str]) -> np.ndarray:
    return np.stack([topic.fields.column(path) for path in fields], axis=1).astype(np.float64)


def _usual(name: str) -> bool:
    return name.split('/')[-1] in _USUAL


def _too_few(counts: Mapping[str, int], kind: str, folder: Path) -> str:
    got = ', '.join(f'{name} with {count}' for name, count in sorted(counts.items())) or 'none'
    return (f'{folder} must have a topic of type {kind} that holds at least {_FEWEST} messages. '
            f'Got {got}. Record at least two minutes of driving.')


def _require_agreement(odometry: BagTopic, command: BagTopic, commands: np.ndarray, name: str,
                       folder: Path) -> None:
    """
    Refuse odometry that contradicts itself, or its commands: no base of this model moves so.

    :raises EpisodeError: it does, or it has no orientation.
    """
    doubt = rotation(odometry.fields.column, 'pose.pose.orientation')
    if doubt.wrong.mean() > doubt.rare:
        raise EpisodeError(f'{folder}: {name}: {doubt.text}')
    track = read_track(odometry)
    found = pose_problems(track) if track.twists.any() else []
    order = np.argsort(track.logged_ns, kind='stable')
    found += command_problems(track.logged_ns[order], track.twists[order][:, [0, 2]],
                              command.logged_ns, commands)
    if found:
        raise EpisodeError(f'{folder}: the data contradict this model. {name}: {" ".join(found)}')


def _named(bag: Bag, contract: Contract | None, kind: str) -> list[str]:
    """Return the topics of a type that are there; of those, the contract's if it names any."""
    there = [name for name, each in bag.types.items() if each == kind]
    named = [] if contract is None else [
        s.topic for s in contract.sources if s.type == kind and s.topic in there]
    return named or there  # a contract need not observe odometry


def _odometry(topic: BagTopic, zero_ns: int,
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    stamps_s = (topic.stamps_ns - zero_ns) * 1e-9
    stamps_s, rows = np.unique(stamps_s, return_index=True)

    def column(path: str) -> np.ndarray:
        values: np.ndarray = topic.fields.column(path).astype(np.float64)[rows]
        return values

    speeds = np.stack([column(path) for path in ODOMETRY], axis=1)
    x, y, z, w = (column(f'pose.pose.orientation.{axis}') for axis in 'xyzw')
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    rotation = np.abs(x * x + y * y + z * z + w * w - 1.0) <= 0.02
    yaw = np.where(rotation, yaw, np.nan)
    yaw[rotation] = np.unwrap(yaw[rotation])
    poses = np.stack([column('pose.pose.position.x'), column('pose.pose.position.y'), yaw], axis=1)
    fine = np.isfinite(speeds).all(axis=1) & np.isfinite(poses).all(axis=1)
    findings = [] if fine.all() else [f'{np.sum(~fine)} odometry messages hold NaN, or an '
                                      'orientation that is no rotation, and were left out: look '
                                      'at the driver.']
    stamps_s, speeds, poses = stamps_s[fine], speeds[fine], poses[fine]
    if len(poses) and np.ptp(poses[:, :2], axis=0).max() > 0.1 and not speeds.any():
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
