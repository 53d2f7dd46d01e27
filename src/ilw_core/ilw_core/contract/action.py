"""What a contract lets a robot be told: the fields of its commands, their limits, their stop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
import re
from typing import Any

import numpy as np

from ilw_core.contract.command_topic import CommandTopic, is_twist, read_commands
from ilw_core.contract.field_path import RULE, is_path
from ilw_core.contract.schema import LARGEST, Section

_RATES = ('max_rate', 'max_acceleration', 'max_jerk', 'stop_rate')
_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_.]{0,127}')


@dataclass(frozen=True)
class ActionSpec:
    """What the robot can be told."""

    commands: tuple[CommandTopic, ...]
    """Where it goes; every field is in one of them"""
    names: tuple[str, ...]
    """(Da,) what each number is called; of a single command the path of its field"""
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
    stop: np.ndarray
    """(Da,) float64 what stops the robot; NaN where it holds what was applied last"""
    start: np.ndarray
    """(Da,) float64 where a field is that holds, before anybody has driven; NaN of others"""
    measured: tuple[str, ...]
    """(Da,) the observed number that tells where a field is that holds; empty of others"""
    discrete: dict[str, np.ndarray] = field(default_factory=dict)
    """Named actions, each (Da,); empty for a continuous task"""

    @property
    def dim(self) -> int:
        """Number of values in one action."""
        return len(self.names)

    @cached_property
    def holds(self) -> np.ndarray:
        """(Da,) bool: fields that stop where they are, as positions do."""
        return np.isnan(self.stop)

    @property
    def begin(self) -> np.ndarray:
        """(Da,) what is applied before anybody has driven; NaN where that is ``measured``."""
        return np.where(self.holds, self.start, self.stop)

    @property
    def rest(self) -> np.ndarray:
        """(Da,) the same; what is measured, and not known here, is nearest to 0."""
        return np.clip(np.nan_to_num(self.begin), self.low, self.high)

    def halted(self, applied: np.ndarray) -> np.ndarray:
        """
        Return what stops the robot, ``(Da,)``.

        :param applied: (Da,) what was applied last.
        """
        return np.where(self.holds, applied, self.stop) if self.holds.any() else self.stop

    @property
    def topics(self) -> dict[str, str]:
        """Topic -> message type of every command."""
        return {command.topic: command.type for command in self.commands}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """(Da,) where each number is in the message of its command."""
        there = [self.place(field) for field in range(self.dim)]
        return tuple(command.paths[place] for command, place in there)

    def place(self, field: int) -> tuple[CommandTopic, int]:
        """Return the command that takes a field, and which of its ``paths`` that is at."""
        return next((command, command.fields.index(field)) for command in self.commands
                    if field in command.fields)

    @property
    def where(self) -> str:
        """The command's topics, as a person reads them."""
        return ' and '.join(self.topics)

    @property
    def table(self) -> np.ndarray:
        """The discrete actions in order, ``(K, Da)``; ``(0, Da)`` for a continuous task."""
        return np.array(list(self.discrete.values())).reshape(-1, self.dim)

    def nearest(self, actions: np.ndarray) -> np.ndarray:
        """Return the index of the discrete action closest to each ``(N, Da)`` action, ``(N,)``."""
        found: np.ndarray = nearest_choice(np.asarray(actions), self.table, self.high - self.low)
        return found


def nearest_choice(actions: Any, table: Any, span: Any) -> Any:
    """
    Return the choice nearest to each action, ``(...)`` for ``(..., Da)``; arrays, or tensors.

    :param table: ``(K, Da)`` what each choice means.
    :param span: ``(Da,)`` of each field, so that all of them count alike.
    """
    gap = (actions[..., None, :] - table) / span  # (..., K, Da)
    return (gap ** 2).sum(-1).argmin(-1)


def read_action(section: Section, observed: Sequence[str]) -> ActionSpec:
    """
    Take every key out of ``action``.

    :param observed: (Do,) names of the observed numbers.
    """
    fields = section.take('fields', required=True)
    if not isinstance(fields, list) or not fields:
        raise section.error('fields', 'a list of at least one action field', fields)
    entries = [Section(item, f'{section.where}.fields[{i}]') for i, item in enumerate(fields)]
    names: list[str] = []
    paths, units, low, high = [], [], [], []
    rates: dict[str, list[float]] = {key: [] for key in _RATES}
    for entry in entries:
        names.append(_name(entry, names))
        paths.append(entry.text('field', names[-1]))
        if not is_path(paths[-1]):
            raise entry.error('field' if entry.has('field') else 'name', RULE, paths[-1])
        units.append(entry.text('unit'))
        low.append(entry.number('min', low=-LARGEST, high=LARGEST))
        high.append(entry.number('max', low=-LARGEST, high=LARGEST))
        for key, values in rates.items():
            given = key == 'max_rate' or entry.has(key)
            values.append(entry.number(key, low=1e-9, high=LARGEST) if given else np.inf)
        if entry.has('max_jerk') and not entry.has('max_acceleration'):
            raise entry.error('max_acceleration', 'given where max_jerk is', None)
        if low[-1] >= high[-1]:
            raise entry.error('max', f'greater than min ({low[-1]:g})', high[-1])
    commands = read_commands(section, entries, paths)
    dim = len(names)
    table = {}
    choices = section.section('discrete', required=False)
    for key in choices.keys():  # noqa: SIM118 - a method, not a dict
        table[key] = np.array(choices.numbers(key, dim))
        if np.any(table[key] < low) or np.any(table[key] > high):
            raise choices.error(key, 'within min and max of every field', table[key].tolist())
    stop = _stop(section, entries, commands, units, np.array(low), np.array(high))
    start, measured = _starts(entries, stop, observed)
    for entry in entries:
        entry.done()
    section.done()
    return ActionSpec(commands, tuple(names), tuple(units), np.array(low),
                      np.array(high), **{key: np.array(values) for key, values in rates.items()},
                      stop=stop, start=start, measured=measured, discrete=table)


def _name(entry: Section, before: list[str]) -> str:
    name = entry.text('name')
    rule = 'letters, digits, _ and ., a letter first' if entry.has('field') else RULE
    if not (_NAME.fullmatch(name) if entry.has('field') else is_path(name)):
        raise entry.error('name', rule, name)
    if name in before:
        raise entry.error('name', 'another field than those before it', name)
    return name


def _stop(section: Section, entries: Sequence[Section], commands: Sequence[CommandTopic],
          units: Sequence[str], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return what stops each field: what it says itself, else what ``action.on_stale`` says."""
    twists = {i for command in commands if is_twist(command.type) for i in command.fields}
    velocity = [i in twists or units[i].endswith('/s') for i in range(len(low))]
    own = [entry.has('on_stale') for entry in entries]
    how = section.take('on_stale', required=not all(own))
    if any(velocity[i] and not own[i] for i in range(len(low))) and how != 'stop' and not (
            isinstance(how, list) and not any(how)):
        raise section.error('on_stale', 'stop (zeros) for velocities: a robot that nobody drives '
                            'must not drive on', how)
    if how is not None and how not in ('stop', 'hold') and not isinstance(how, list):
        raise section.error('on_stale', 'stop (zeros), hold, or a list of values', how)
    stop = np.full(len(low), np.nan)
    if isinstance(how, list):
        stop = np.array(section.numbers('on_stale', len(low)))
    elif how == 'stop':
        stop = np.zeros(len(low))
    for i, entry in enumerate(entries):
        value = entry.take('on_stale')
        if own[i]:
            stop[i] = np.nan if value == 'hold' else 0.0 if value == 'stop' else entry.number(
                'on_stale', low=-LARGEST, high=LARGEST)
        if velocity[i] and stop[i] != 0.0:
            raise entry.error('on_stale', 'stop (zero) for a velocity: a robot that nobody drives '
                              'must not drive on', value)
        if stop[i] < low[i] or stop[i] > high[i]:
            raise (entry if own[i] else section).error(
                'on_stale', 'an action within min and max of every field',
                value if own[i] else how)
    return stop


def _starts(entries: Sequence[Section], stop: np.ndarray,
            observed: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return where each field that holds begins, or by which observation that is measured."""
    start, measured = np.full(len(stop), np.nan), []
    for i, entry in enumerate(entries):
        holds = bool(np.isnan(stop[i]))
        given = [key for key in ('measured', 'start') if entry.has(key)]
        if holds != (len(given) == 1):
            # A robot that is commanded from where it is not jumps there.
            raise entry.error('measured', 'the observed number that tells where it is (or `start`:'
                              ' where it is when it is switched on) if on_stale is hold, else '
                              'left out', [entry.take(key) for key in given])
        measured.append(entry.observed('measured', observed) if 'measured' in given else '')
        if 'start' in given:
            start[i] = entry.number('start', low=entry.number('min'), high=entry.number('max'))
        for key in ('measured', 'start'):
            entry.take(key)
    return start, tuple(measured)
