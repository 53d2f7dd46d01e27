"""What a contract lets a robot be told: the fields of its command, their limits and its stop."""

from dataclasses import dataclass, field
import re

import numpy as np

from ilw_core.contract.schema import LARGEST, Section

_RATES = ('max_rate', 'max_acceleration', 'max_jerk', 'stop_rate')
_FIELD = re.compile(r'[a-z][A-Za-z0-9_]*(\.[a-z][A-Za-z0-9_]*)*')


@dataclass(frozen=True)
class ActionSpec:
    """What the robot can be told."""

    topic: str
    type: str
    names: tuple[str, ...]
    """(Da,) dotted field paths in the command message."""
    units: tuple[str, ...]
    low: np.ndarray
    """(Da,) float64"""
    high: np.ndarray
    """(Da,) float64"""
    max_rate: np.ndarray
    """(Da,) float64, largest change per second"""
    max_acceleration: np.ndarray
    """(Da,) float64, largest change of the rate per second; infinite where not limited"""
    max_jerk: np.ndarray
    """(Da,) float64, largest change of that per second; infinite where not limited"""
    stop_rate: np.ndarray
    """(Da,) float64, per second, towards the stop action when nobody drives; infinite: at once"""
    stop: np.ndarray | None
    """(Da,) float64; None means hold the last action"""
    discrete: dict[str, np.ndarray] = field(default_factory=dict)
    """Named actions, each (Da,); empty for a continuous task"""

    @property
    def dim(self) -> int:
        """Number of values in one action."""
        return len(self.names)

    @property
    def table(self) -> np.ndarray:
        """The discrete actions in order, ``(K, Da)``; ``(0, Da)`` for a continuous task."""
        return np.array(list(self.discrete.values())).reshape(-1, self.dim)

    def nearest(self, actions: np.ndarray) -> np.ndarray:
        """Return the index of the discrete action closest to each ``(N, Da)`` action, ``(N,)``."""
        span = self.high - self.low
        gap = (np.asarray(actions)[:, None, :] - self.table[None]) / span
        return np.argmin((gap ** 2).sum(-1), axis=1)


def read_action(section: Section) -> ActionSpec:
    """Take every key out of ``action``."""
    command = section.section('command')
    topic, kind = command.topic(), command.message_type()
    command.done()
    fields = section.take('fields', required=True)
    if not isinstance(fields, list) or not fields:
        raise section.error('fields', 'a list of at least one action field', fields)
    names: list[str] = []
    units, low, high = [], [], []
    rates: dict[str, list[float]] = {key: [] for key in _RATES}
    for i, item in enumerate(fields):
        entry = Section(item, f'{section.where}.fields[{i}]')
        names.append(_field(entry, names))
        units.append(entry.text('unit'))
        low.append(entry.number('min', low=-LARGEST, high=LARGEST))
        high.append(entry.number('max', low=-LARGEST, high=LARGEST))
        for key, values in rates.items():
            given = key == 'max_rate' or entry.has(key)
            values.append(entry.number(key, low=1e-9, high=LARGEST) if given else np.inf)
        if entry.has('max_jerk') and not entry.has('max_acceleration'):
            raise entry.error('max_acceleration', 'given where max_jerk is', None)
        entry.done()
        if low[-1] >= high[-1]:
            raise entry.error('max', f'greater than min ({low[-1]:g})', high[-1])
    dim = len(names)
    table = {}
    choices = section.section('discrete', required=False)
    for key in choices.keys():  # noqa: SIM118 - a method, not a dict
        table[key] = np.array(choices.numbers(key, dim))
        if np.any(table[key] < low) or np.any(table[key] > high):
            raise choices.error(key, 'within min and max of every field', table[key].tolist())
    stop: np.ndarray | None = _stop(section, kind, low, high)
    section.done()
    return ActionSpec(topic, kind, tuple(names), tuple(units), np.array(low), np.array(high),
                      **{key: np.array(values) for key, values in rates.items()}, stop=stop,
                      discrete=table)


def _field(entry: Section, before: list[str]) -> str:
    name = entry.text('name')
    if not _FIELD.fullmatch(name):
        raise entry.error('name', 'a field of the message, as in twist.linear.x', name)
    if name in before:
        raise entry.error('name', 'another field than those before it', name)
    return name


def _stop(section: Section, kind: str, low: list[float],
          high: list[float]) -> np.ndarray | None:
    how = section.take('on_stale', required=True)
    velocities = kind.rpartition('/')[2] in ('Twist', 'TwistStamped')
    if velocities and how != 'stop' and not (isinstance(how, list) and not any(how)):
        raise section.error('on_stale', 'stop (zeros) for velocities: a robot that nobody drives '
                            'must not drive on', how)
    if how == 'hold':
        return None
    if how != 'stop' and not isinstance(how, list):
        raise section.error('on_stale', 'stop (zeros), hold, or a list of values', how)
    stop = np.zeros(len(low)) if how == 'stop' else np.array(section.numbers('on_stale', len(low)))
    if np.any(stop < low) or np.any(stop > high):
        raise section.error('on_stale', 'an action within min and max of every field', how)
    return stop
