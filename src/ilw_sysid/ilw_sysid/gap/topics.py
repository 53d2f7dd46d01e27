"""The topics of a contract in one bag and in the other: types, rates, ages, frames, units."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_data.bag.reader import Bag, BagTopic
from ilw_sysid.gap.finding import GapFinding

_RATE_RATIO = 0.8
_AGE_S = 0.03
_CLOCK_S = 0.5
_FEW = 5
_UNITS = (('m', 1000.0, 'millimetres for metres'), ('m', 100.0, 'centimetres for metres'),
          ('m/s', 1000.0, 'millimetres for metres'), ('m/s', 100.0, 'centimetres for metres'),
          ('m/s', 3.6, 'km/h for m/s'), ('rad', 57.29578, 'degrees for radians'),
          ('rad/s', 57.29578, 'degrees for radians'))
_TOLERANCE = 0.15


@dataclass(frozen=True)
class TopicFigures:
    """What one topic of one bag is like."""

    type: str
    messages: int
    rate_hz: float
    gap_s: float
    """Longest time between two messages"""
    age_s: float
    """Median of log time less stamp"""
    frames: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {**vars(self), 'frames': list(self.frames)}


def figures(bag: Bag, names: list[str]) -> dict[str, TopicFigures]:
    """Return the figures of those topics that are there."""
    found = {}
    for name, topic in bag.topics(names).items():
        found[name] = _figures(topic, bag.types[name])
    return found


def compare_topics(contract: Contract, sim: dict[str, TopicFigures],
                   real: dict[str, TopicFigures]) -> list[GapFinding]:
    """Return how the topics of a contract differ between two bags."""
    found = []
    for name, kind in contract.topics.items():
        sides = {'simulated': sim.get(name), 'real': real.get(name)}
        missing = [side for side, each in sides.items() if each is None]
        if missing:
            found.append(GapFinding('bad', name, f'is not in the {" and the ".join(missing)} bag',
                                    'Record it, or remap the topic of the driver to this name.'))
            continue
        a, b = sim[name], real[name]
        wrong = [side for side, each in sides.items() if each and each.type != kind]
        if wrong:
            found.append(GapFinding('bad', name, f'must be {kind}. Got {a.type} (simulated), '
                                    f'{b.type} (real)',
                                    'Convert it, or change the type in the contract.'))
            continue
        found += _one(name, a, b, contract)
    return found


def _one(name: str, a: TopicFigures, b: TopicFigures, contract: Contract) -> list[GapFinding]:
    found = []
    if min(a.messages, b.messages) >= _FEW:
        ratio = b.rate_hz / a.rate_hz if a.rate_hz else np.inf
        level = 'ok' if _RATE_RATIO <= ratio <= 1.0 / _RATE_RATIO else 'warn'
        hold = {s.topic: s.align.how == 'hold' for s in contract.sources}.get(name, False)
        if b.rate_hz < 0.9 * contract.rate_hz and not hold:
            level = 'bad'
        step = '' if level == 'ok' else (
            'Raise the rate of the driver, or lower rate_hz of the contract.' if level == 'bad'
            else 'Simulate at the rate of the robot.')
        found.append(GapFinding(level, name, f'comes at {a.rate_hz:.1f} Hz simulated, '
                                f'{b.rate_hz:.1f} Hz real (longest gap {a.gap_s:.2f} and '
                                f'{b.gap_s:.2f} s)', step))
        found += _ages(name, a, b)
    if set(a.frames) != set(b.frames):
        found.append(GapFinding('warn', name, f'has the frames {", ".join(a.frames) or "none"} '
                                f'simulated, {", ".join(b.frames) or "none"} real',
                                'If the places differ (a lidar that is mounted turned), correct '
                                'the transform; a name alone does no harm to a policy.'))
    return found


def _ages(name: str, a: TopicFigures, b: TopicFigures) -> list[GapFinding]:
    if max(abs(a.age_s), abs(b.age_s)) > _CLOCK_S:
        side = ' and '.join(word for word, each in (('simulated', a), ('real', b))
                            if abs(each.age_s) > _CLOCK_S)
        return [GapFinding('warn', name, f'has stamps of another clock than the log ({side}): its '
                           'latency cannot be told',
                           'A simulation\'s clock is normal; on a robot, '
                           'synchronise the clocks (chrony).')]
    if abs(a.age_s - b.age_s) <= _AGE_S:
        return [GapFinding('ok', name,
                           f'is logged {1e3 * a.age_s:.0f} ms after its stamp simulated, '
                           f'{1e3 * b.age_s:.0f} ms real', '')]
    return [GapFinding('warn', name,
                       f'is logged {1e3 * a.age_s:.0f} ms after its stamp simulated, '
                       f'{1e3 * b.age_s:.0f} ms real', 'Train with the delays of a plant profile: '
                       './ilw identify on the real bag, then --plant.')]


def unit_guess(sim_size: float, real_size: float, unit: str | None = None) -> str:
    """
    Return which mix-up of units two typical sizes speak for; empty for none.

    :param sim_size: of the same quantity, as a high quantile of its absolute value.
    :param unit: of the quantity; only its own mix-ups are looked for. ``None``: it is not known.
    """
    if min(sim_size, real_size) <= 0.0:
        return ''
    ratio = real_size / sim_size
    for of, factor, words in _UNITS:
        for value, side in ((factor, 'real'), (1.0 / factor, 'simulated')):
            if unit in (of, None) and abs(ratio / value - 1.0) < _TOLERANCE:
                return f'{words} ({side})'
    return ''


def _figures(topic: BagTopic, kind: str) -> TopicFigures:
    stamps_s = np.sort(topic.stamps_ns) * 1e-9
    steps_s = np.diff(stamps_s)
    span_s = float(stamps_s[-1] - stamps_s[0]) if len(stamps_s) > 1 else 0.0
    frames: set[str] = set()
    for path in ('header.frame_id', 'child_frame_id'):
        if len(topic.fields) and path in topic.fields:
            frames |= {str(v) for v in topic.fields.column(path)} - {''}
    return TopicFigures(
        kind, len(stamps_s), (len(stamps_s) - 1) / span_s if span_s > 0.0 else 0.0,
        float(steps_s.max(initial=0.0)),
        float(np.median((topic.logged_ns - topic.stamps_ns) * 1e-9)) if len(stamps_s) else 0.0,
        tuple(sorted(frames)))
