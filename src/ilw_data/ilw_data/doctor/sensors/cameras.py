"""
Cameras: frozen, black, doubled and missing pictures, exposure, and how late what they show is.

The pictures of a bag are looked at as small gray ones; nothing is encoded again.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
import os

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic
from ilw_core.features.glance import Glance, compressed_glance, raw_glance, series_problems
from ilw_data.bag.reader import Bag, BagTopic
from ilw_data.clocks.lag import Signal, find_lag
from ilw_data.doctor.finding import Demos, Finding, Pictures, Take

_FROZEN_S = 1.0
"""A camera that shows the very same for longer while the robot moves has stopped"""
_DOUBLES, _MISSING = 0.05, 0.05
"""Parts of the pictures that may repeat the one before, or be missing, without a word"""
_MOVING = 0.1
"""Of the largest motion of an episode: below it the robot as good as stands"""
_LATE_TICKS = 1.0
_LAGS_S = (0.4, 1.0)
_FEW = 5


def read_pictures(bag: Bag, contract: Contract, span_ns: tuple[int, int]) -> dict[str, Pictures]:
    """Return the pictures of each camera between two instants, by contract entry."""
    found = {}
    topics = bag.topics({source.topic for source in contract.images})
    for source in contract.images:
        topic = topics.get(source.topic)
        if topic is None or any(path not in topic.fields for _, path in source.feature.fields):
            continue
        inside = (topic.stamps_ns >= span_ns[0]) & (topic.stamps_ns <= span_ns[1])
        rows = np.flatnonzero(inside)
        rows = rows[np.argsort(topic.stamps_ns[rows], kind='stable')]
        glances, hashes = list(_glances(topic, rows)), _hashes(topic, rows)
        same = np.array([False, *(one == next_one for one, next_one in pairwise(hashes))])
        found[source.name] = Pictures(topic.stamps_ns[rows], glances, same[:len(rows)])
    return found


def check_take(take: Take, contract: Contract) -> list[Finding]:
    """Return what is wrong with the pictures of one episode."""
    found = []
    for source in contract.images:
        pictures = take.pictures.get(source.name)
        if pictures is None or len(pictures.stamps_ns) < _FEW:
            continue
        stamps_ns, glances, same = pictures.stamps_ns, pictures.glances, pictures.same
        found += [_finding(take, source, kind, 'bad' if kind in ('black', 'size') else 'warn',
                           text) for kind, text in series_problems(glances)]
        found += _repeated(take, source, contract, stamps_ns, same)
        gaps = np.diff(stamps_ns)
        usual = float(np.median(gaps))
        missing = int(np.round(gaps / max(usual, 1.0) - 1.0).clip(0).sum())
        if missing > max(1, _MISSING * len(stamps_ns)):
            found.append(_finding(
                take, source, 'missing_pictures', 'warn', f'{missing} pictures are missing beside '
                f'{len(stamps_ns)} ({1e9 / max(usual, 1.0):.1f} Hz). Lower the rate or size, or '
                f'send compressed pictures.', missing=float(missing)))
    return found


def check_set(demos: Demos) -> list[Finding]:
    """Return by how much what a camera shows is later than the robot's own motion, if it is."""
    contract, found = demos.contract, []
    for source in contract.images:
        pairs = [pair for take in demos.takes
                 if (pair := _signals(take, source, contract)) is not None]
        lag = find_lag(pairs, _LAGS_S) if pairs else None
        if lag is None:
            continue
        numbers = {'lag_ms': lag.seconds * 1e3, 'correlation': lag.correlation}
        text = (f'{source.name} shows motion {lag.seconds * 1e3:+.0f} ms after the robot\'s own '
                f'sensors say it (correlation {lag.correlation:.2f})')
        if abs(lag.seconds) <= _LATE_TICKS / contract.rate_hz:
            found.append(Finding('note', 'camera_lag', '', f'{text}.', demos.command(
                'train', '--demos', str(demos.root)), numbers))
        else:
            found.append(Finding(
                'warn', 'camera_lag', '', f'{text}: more than a step of the contract. Stamp '
                f'pictures when they are taken, and set the clocks alike.',
                demos.command('up', 'record'), numbers))
    return found


def _repeated(take: Take, source: ObservedTopic, contract: Contract, stamps_ns: np.ndarray,
              same: np.ndarray) -> list[Finding]:
    """Say where a camera repeats itself although the robot moves."""
    at_s, speed = _motion(take, contract)
    if not len(speed) or speed.max() <= 0.0:
        return []
    times_s = (stamps_ns - take.episode.stamps_ns[0]) / 1e9
    moving = np.interp(times_s, at_s, speed) > _MOVING * speed.max()
    runs = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    between_s = np.diff(times_s, prepend=times_s[0])
    longest_s = max((float(between_s[begin:end][moving[begin:end]].sum())
                     for begin, end in zip(runs[::2], runs[1::2], strict=True)), default=0.0)
    if longest_s > _FROZEN_S:
        return [_finding(take, source, 'frozen_picture', 'bad', f'shows one and the same picture '
                         f'while the robot moves for {longest_s:.1f} s: the camera hung.',
                         frozen_s=longest_s)]
    count = int((same & moving).sum())
    if count > max(1, _DOUBLES * moving.sum()):
        return [_finding(take, source, 'doubled_pictures', 'warn', f'{count} of {moving.sum()} '
                         f'pictures of a moving robot repeat the one before: the driver sends '
                         f'more often than the camera takes them. Lower its rate.',
                         doubled=float(count))]
    return []


def _signals(take: Take, source: ObservedTopic,
             contract: Contract) -> tuple[Signal, Signal] | None:
    """Return how fast the robot moves, and how much the picture changes, over time."""
    if source.name not in take.pictures:
        return None
    stamps_ns, glances = take.pictures[source.name].stamps_ns, take.pictures[source.name].glances
    at_s, speed = _motion(take, contract)
    known = [i for i, each in enumerate(glances) if each is not None]
    if len(known) < _FEW or len(at_s) < _FEW:
        return None
    thumbs = np.stack([glances[i].thumb for i in known])  # type: ignore[union-attr]
    seen_s = (stamps_ns[known] - take.episode.stamps_ns[0]) / 1e9
    change = np.abs(np.diff(thumbs, axis=0)).mean(axis=(1, 2)) / np.maximum(np.diff(seen_s), 1e-3)
    return (Signal(at_s, speed / max(float(speed.max()), 1e-9)),
            Signal(0.5 * (seen_s[1:] + seen_s[:-1]), change / max(float(change.max()), 1e-9)))


def _motion(take: Take, contract: Contract) -> tuple[np.ndarray, np.ndarray]:
    """Return times [s] and the speed of joints, or of a base, by what the contract observes."""
    episode, begin, moves, speeds = take.episode, 0, [], []
    for source in contract.sources:
        rows = slice(begin, begin := begin + source.feature.dim)
        if source.feature.kind == 'joints':
            moves.append(rows)
        elif source.feature.kind == 'body_twist':
            speeds.append(rows)
    ticks_s = (episode.stamps_ns - episode.stamps_ns[0]) / 1e9
    whole = np.asarray(episode.obs_valid.all(axis=1))
    if moves:
        obs = np.concatenate([episode.obs[:, rows] for rows in moves], axis=1)
        speed = np.linalg.norm(np.diff(obs, axis=0), axis=1) / np.diff(ticks_s)
        kept = whole[1:] & whole[:-1]
        return (0.5 * (ticks_s[1:] + ticks_s[:-1]))[kept], speed[kept]
    if speeds:
        obs = np.concatenate([episode.obs[:, rows] for rows in speeds], axis=1)
        return ticks_s[whole], np.linalg.norm(obs, axis=1)[whole]
    return np.empty(0), np.empty(0)


def _glances(topic: BagTopic, rows: np.ndarray) -> Iterator[Glance | None]:
    fields = topic.fields
    data = fields.views('data')
    compressed = 'format' in fields
    columns: Sequence[Sequence[object]] = [] if compressed else [
        fields.column(path, rows).tolist() for path in ('height', 'width', 'encoding', 'step')]

    def look(i: int) -> Glance | None:
        picture = data[rows[i]]
        if compressed:
            return compressed_glance(picture)
        height, width, encoding, step = (column[i] for column in columns)
        return raw_glance(int(str(height)), int(str(width)), str(encoding), int(str(step)),
                          picture)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(look, range(len(rows)))


def _hashes(topic: BagTopic, rows: np.ndarray) -> list[int]:
    data = topic.fields.views('data')
    return [hash(data[row].tobytes()) for row in rows]


def _finding(take: Take, source: ObservedTopic, kind: str, level: str, text: str,
             **numbers: float) -> Finding:
    return Finding(level, kind, take.name, f'{source.name} ({source.topic}): {text}',
                   take.command('show'), numbers)

