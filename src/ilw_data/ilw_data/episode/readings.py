"""
What a recording tells that cannot be so: rotations, units, frames, speeds, signs.

The rules are those that look at the live robot before a policy may be armed (``ilw_core``'s
``plausible``, ``motion_check`` and ``frame_tree``).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from ilw_core.base.frame_tree import frame_problem
from ilw_core.base.motion_check import (
    FORWARD,
    LARGEST,
    TURN,
    WRONG_FRAME,
    contradiction,
    ratio_problem,
    settled_ratios,
    windows,
)
from ilw_core.contract.command_topic import same_command
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import ON_THE_PLANE, twist_command
from ilw_core.features.lidar import ScanGeometry, why_no_evidence
from ilw_core.features.plausible import ODOMETRY, SCAN, doubts_in
from ilw_data.bag.reader import Bag, BagTopic, read_messages
from ilw_data.episode.images import read_images

_SCANS, _MOSTLY = 20, 0.5
"""Scans looked at, and how many may be no evidence; each of those is left out, too"""
_IMAGES = 40
"""Messages of a camera looked at"""
_SECONDS, _SECONDS_RATIO = 3, 0.3
"""Seconds of motion, and part of them, in which pose and twist must differ to be called wrong"""
_NAMED = 60
"""Messages whose frame is looked at"""
_SAME_M, _SAME_RAD = 0.03, 0.05


@dataclass(frozen=True)
class ReadingProblem:
    """One thing that cannot be so."""

    topic: str
    text: str
    """The rule, what was got, what to do"""
    bad: bool
    """Whether what a policy learnt from it would be wrong; else the contract does not read it"""

    def __str__(self) -> str:
        return f'{self.topic}: {self.text}'


@dataclass(frozen=True)
class Track:
    """Odometry as columns, without what is not finite."""

    stamps_ns: np.ndarray
    """(M,) int64, rising"""
    logged_ns: np.ndarray
    """(M,) int64"""
    poses: np.ndarray
    """(M, 3) x, y [m], yaw [rad], not wrapped; yaw is NaN where the orientation is no rotation"""
    twists: np.ndarray
    """(M, 3) x, y [m/s], turn [rad/s]"""
    dropped: int
    """Messages left out, as they hold what is not finite or is beyond any robot"""


def read_problems(bag: Bag, contract: Contract) -> list[ReadingProblem]:
    """
    Return what in the topics of a contract cannot be so; of topics that are missing nothing.

    :raises EpisodeError: the bag cannot be read.
    """
    kinds = {topic: kind for topic, kind in contract.topics.items()
             if bag.types.get(topic) == kind}
    for name, kind in contract.action.topics.items():
        if same_command(bag.types.get(name, ''), kind):
            kinds[name] = bag.types[name]
    topics = {name: topic for name, topic in bag.topics(kinds).items() if len(topic.fields)}
    found = [problem for name, topic in topics.items()
             for problem in _doubts(name, kinds[name], topic, contract)]
    found += _images(topics, contract) + _frames(bag, topics, contract)
    for name, topic in topics.items():
        if kinds[name] == ODOMETRY:
            found += _motion(name, topic, topics, kinds, contract)
    return found


def why_unsound(bag: Bag, contract: Contract) -> list[str]:
    """
    Return why a policy would learn from a recording what is not so; empty if it would not.

    :raises EpisodeError: the bag cannot be read.
    """
    return [str(problem) for problem in read_problems(bag, contract) if problem.bad]


def read_track(topic: BagTopic) -> Track:
    """Return a topic of odometry as columns, in the order of its stamps."""
    stamps_ns, rows = np.unique(topic.stamps_ns, return_index=True)

    def columns(prefix: str, *fields: str) -> np.ndarray:
        return np.stack([topic.fields.column(f'{prefix}.{field}').astype(np.float64)[rows]
                         for field in fields], axis=1)

    x, y, z, w = columns('pose.pose.orientation', *'xyzw').T
    with np.errstate(over='ignore', invalid='ignore'):
        rotation = np.abs(x * x + y * y + z * z + w * w - 1.0) <= 0.02
        yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    yaw[rotation] = np.unwrap(yaw[rotation])
    poses = np.column_stack([columns('pose.pose.position', *'xy'),
                             np.where(rotation, yaw, np.nan)])
    twists = columns('twist.twist', *ON_THE_PLANE)
    twists[:, 1] = np.nan_to_num(twists[:, 1])  # of a base that cannot move aside, some leave it
    numbers = np.concatenate([poses[:, :2], twists], axis=1)
    fine = (np.abs(numbers) < LARGEST).all(axis=1)
    return Track(stamps_ns[fine], topic.logged_ns[rows][fine], poses[fine], twists[fine],
                 int((~fine).sum()))


def scan_of(topic: BagTopic, row: int) -> tuple[np.ndarray, ScanGeometry]:
    """Return the ranges ``(L,)`` and the geometry of one scan."""
    one, fields = np.array([row]), topic.fields
    ranges = fields.column('ranges', one)[0]
    return ranges, ScanGeometry(len(ranges), *(float(fields.column(path, one)[0]) for path in (
        'angle_min', 'angle_increment', 'range_min', 'range_max', 'angle_max')))


def pose_problems(track: Track) -> list[str]:
    """Return how poses and twists of odometry contradict each other, a sentence each."""
    turned = np.isfinite(track.poses[:, 2])
    if turned.sum() < 4:
        return []
    seconds = windows(track.stamps_ns[turned], track.poses[turned], track.twists[turned])
    found = [WRONG_FRAME] if seconds.in_pose_frame() else []
    for axis in (TURN,) if found else (FORWARD, TURN):
        moved, said, differ = seconds.contradicting(axis)
        if differ.sum() >= _SECONDS and differ.mean() > _SECONDS_RATIO:
            worst = int(np.argmax(np.where(differ, np.abs(moved - said), -1.0)))
            found.append(f'{contradiction(axis, moved[worst], said[worst])} So it is in '
                         f'{differ.sum()} of {len(differ)} seconds of motion.')
    return found


def command_problems(at_ns: np.ndarray, speeds: np.ndarray, command_ns: np.ndarray,
                     commands: np.ndarray) -> list[str]:
    """
    Return how motion contradicts what was commanded, a sentence each.

    :param at_ns: (M,) when the speeds came, on the clock of ``command_ns`` (N,).
    :param speeds: (M, 2) forward [m/s], turn [rad/s].
    :param commands: (N, 2) likewise.
    """
    order = np.argsort(command_ns, kind='stable')
    order = order[(np.abs(commands[order]) < LARGEST).all(axis=1)]
    texts = [ratio_problem(settled_ratios(at_ns, speeds[:, i], command_ns[order],
                                          commands[order, i], axis), axis)
             for i, axis in enumerate((FORWARD, TURN))]
    return [text for text in texts if text]


def _doubts(name: str, kind: str, topic: BagTopic, contract: Contract) -> list[ReadingProblem]:
    if kind == SCAN:
        return _scan_doubts(name, topic, contract)
    read = _read_paths(name, contract)
    found = []
    for doubt in doubts_in(kind, partial(_column, topic), contract.action):
        count = int(doubt.wrong.sum())
        if count > doubt.rare * len(doubt.wrong):
            found.append(ReadingProblem(
                name, f'{doubt.text} So it is in {count} of {len(doubt.wrong)} messages.',
                any(path.startswith(doubt.path) for path in read)))
    return found


def _column(topic: BagTopic, path: str) -> np.ndarray:
    """Return a field; of sequences that differ in length the shorter ones end in zeros."""
    lengths = topic.fields.lengths(path)
    if lengths is None or (lengths == lengths[0]).all():
        return topic.fields.column(path)
    values = np.zeros((len(lengths), lengths.max()))
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        values[rows, :length] = topic.fields.column(path, rows)
    return values


def _read_paths(name: str, contract: Contract) -> set[str]:
    """Return the fields of a topic that the contract reads."""
    topics = {source.name: source.topic for source in contract.sources}
    read = {path for source in contract.sources for entry, path in source.feature.fields
            if topics[entry] == name}
    return read.union(*(command.paths for command in contract.action.commands
                        if command.topic == name))


def _scan_doubts(name: str, topic: BagTopic, contract: Contract) -> list[ReadingProblem]:
    rows = np.unique(np.linspace(0, len(topic.fields) - 1, _SCANS).round().astype(int))
    reasons = [why_no_evidence(*scan_of(topic, row), contract.lidar) for row in rows.tolist()]
    told = [reason for reason in reasons if reason]
    if len(told) <= _MOSTLY * len(rows):
        return []
    return [ReadingProblem(name,
                           f'the lidar {told[0]} So it is in {len(told)} of {len(rows)} scans '
                           f'looked at.', True)]


def _images(topics: dict[str, BagTopic], contract: Contract) -> list[ReadingProblem]:
    found = []
    for source in contract.images:
        topic = topics.get(source.topic)
        if topic is None or any(path not in topic.fields for _, path in source.feature.fields):
            continue
        rows = np.unique(np.linspace(0, len(topic.fields) - 1, _IMAGES).round().astype(int))
        told = [each for each in read_images(source, topic, rows) if isinstance(each, str)]
        if told:
            found.append(ReadingProblem(
                source.topic, f'no image for {source.name}: {told[0]} So it is in {len(told)} of '
                f'{len(rows)} messages looked at.', len(told) > _MOSTLY * len(rows)))
    return found


def _frames(bag: Bag, topics: dict[str, BagTopic], contract: Contract) -> list[ReadingProblem]:
    found = []
    for name, other in contract.used_together:
        if name not in topics or other not in topics:
            continue
        there = _frame_ids(topics[other])
        for frame in sorted(_frame_ids(topics[name]) - there):
            text = frame_problem(frame, other, ' and '.join(sorted(there)))
            if text and not any(_same_place(bag, frame, each) for each in there):
                found.append(ReadingProblem(name, text, True))
    return found


def _frame_ids(topic: BagTopic) -> set[str]:
    if 'header.frame_id' not in topic.fields:
        return set()
    rows = np.unique(np.linspace(0, len(topic.fields) - 1, _NAMED).round().astype(int))
    return {frame.lstrip('/') for frame in topic.fields.column('header.frame_id', rows)} - {''}


def _same_place(bag: Bag, frame: str, other: str) -> bool:
    """Tell whether tf says, whenever it says it, that two frames are one."""
    names = {'tf', 'tf_static'} & set(bag.types)
    off = []
    for each in read_messages(bag.folder, names) if names else ():
        for link in each.message.transforms:
            ends = {link.header.frame_id.lstrip('/'), link.child_frame_id.lstrip('/')}
            if ends == {frame, other}:
                t, q = link.transform.translation, link.transform.rotation
                off.append(np.hypot(t.x, t.y) <= _SAME_M
                           and 2.0 * np.arccos(min(1.0, abs(q.w))) <= _SAME_RAD)
    return bool(off) and all(off)


def _motion(name: str, topic: BagTopic, topics: dict[str, BagTopic], kinds: dict[str, str],
            contract: Contract) -> list[ReadingProblem]:
    read = _read_paths(name, contract)
    speeds_read = any(path.startswith('twist.') for path in read)
    track = read_track(topic)
    poses_kept = bool(np.ptp(track.poses[:, :2], axis=0).any()) if len(track.poses) else False
    found = []
    # A driver that fills in one of the two is sound where the contract reads only that one.
    if speeds_read and (poses_kept or any(path.startswith('pose.') for path in read)):
        found += [ReadingProblem(name, text, True) for text in pose_problems(track)]
    base = twist_command(contract.action)
    if base is not None and base[0].topic in topics:
        command, places = base
        commands, paths = topics[command.topic], command.paths_in(kinds[command.topic])
        given = np.stack([commands.fields.column(paths[i]).astype(np.float64)
                          for i in places], axis=1)
        order = np.argsort(track.logged_ns, kind='stable')
        found += [ReadingProblem(name, text, speeds_read) for text in command_problems(
            track.logged_ns[order], track.twists[order][:, [0, 2]], commands.logged_ns, given)]
    return found
