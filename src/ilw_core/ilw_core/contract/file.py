"""
The contract: everything a demonstration, a policy and a robot of one task must agree on.

Data only: the file holds no code and names none but codecs in ``features.CODECS``.
"""

from dataclasses import dataclass, field, replace
import hashlib
import json
from pathlib import Path
import re
from typing import Any

import numpy as np

from ilw_core.contract.safety import SafetySpec, read_safety
from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import parse_yaml, read_text
from ilw_core.errors import ContractError
from ilw_core.features.codecs import CODECS, FeatureSpec
from ilw_core.features.lidar_spec import PLAIN, LidarSpec, load_lidar
from ilw_core.storage.locate import config_file, config_folder, resource_file

MAX_CONTRACT_BYTES = 1_000_000
_RATES = ('max_rate', 'max_acceleration', 'max_jerk', 'stop_rate')
_LARGEST = 1e9  # of any value and rate of an action: their squares and sums stay finite
_TYPE = re.compile(r'[a-z][a-z0-9_]*/msg/[A-Z][A-Za-z0-9]*')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]{0,63}')
_FIELD = re.compile(r'[a-z][A-Za-z0-9_]*(\.[a-z][A-Za-z0-9_]*)*')


@dataclass(frozen=True)
class Align:
    """How the message of one tick is chosen."""

    how: str
    """``asof``: newest at or before the tick, within the tolerance; ``hold``: newest, any age."""
    tolerance_ns: int
    """Largest age at the tick [ns]; unused by ``hold``."""


@dataclass(frozen=True)
class ObservedTopic:
    """One observed topic."""

    name: str
    topic: str
    """Relative name, without a leading slash."""
    type: str
    """As in ``sensor_msgs/msg/LaserScan``."""
    align: Align
    feature: FeatureSpec


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


@dataclass(frozen=True)
class Contract:
    """See ``docs/reference/contract.md``."""

    name: str
    version: int
    rate_hz: float
    sources: tuple[ObservedTopic, ...]
    action: ActionSpec
    reward: dict[str, float]
    """``goal``, ``collision``, ``step``"""
    goal_radius_m: float
    timeout_s: float
    scene: dict[str, Any]
    """Options of the simulated task; nothing to a real robot"""
    safety: SafetySpec
    text: str
    """The file, as it was read"""
    hash: str
    """sha256 hex of the canonical form: comments, layout and ``safety`` do not count"""
    folder: Path | None = None
    """Where the file was: paths in ``scene`` begin there; ``None``: it came as text"""
    lidar: LidarSpec = PLAIN
    """What the robot profile declares of its lidar; no part of the file, nor of the hash"""

    def declaring(self, lidar: LidarSpec) -> 'Contract':
        """Return the same contract for a robot whose profile says this of its lidar."""
        return replace(self, lidar=lidar, sources=tuple(
            replace(source, feature=source.feature.declaring(lidar))
            if source.feature.declaring else source for source in self.sources))

    @property
    def period_ns(self) -> int:
        """Nanoseconds from tick to tick."""
        return round(1e9 / self.rate_hz)

    @property
    def obs_dim(self) -> int:
        """Length of an observation, Do."""
        return sum(source.feature.dim for source in self.sources)

    @property
    def obs_names(self) -> tuple[str, ...]:
        """(Do,) what each number of an observation is."""
        return tuple(name for source in self.sources for name in source.feature.names)

    @property
    def obs_low(self) -> np.ndarray:
        """(Do,) float32 lower bounds."""
        return np.array([v for s in self.sources for v in s.feature.low], dtype=np.float32)

    @property
    def obs_high(self) -> np.ndarray:
        """(Do,) float32 upper bounds."""
        return np.array([v for s in self.sources for v in s.feature.high], dtype=np.float32)

    @property
    def topics(self) -> dict[str, str]:
        """Topic -> type of everything an episode must contain, the command last."""
        return {s.topic: s.type for s in self.sources} | {self.action.topic: self.action.type}

    @property
    def used_together(self) -> tuple[tuple[str, str], ...]:
        """Topics whose places go into one number, so that they must be in one frame; in pairs."""
        topics = {source.name: source.topic for source in self.sources}
        return tuple(dict.fromkeys(
            (source.topic, topics[need]) for source in self.sources
            for need in source.feature.needs if topics[need] != source.topic))

    def scene_file(self, name: str) -> Path:
        """
        Return a file that ``scene`` names: relative to the contract's, or to ``config/tasks``.

        The second is for copies, as a run and a checkpoint keep one.

        :raises IlwError: there is no such file.
        """
        if self.folder and (self.folder / name).is_file():
            return resource_file(name, self.folder)
        return resource_file(name, config_folder() / 'tasks').resolve()  # installed as a link


def load_contract(path: str | Path) -> Contract:
    """
    Read and check a contract file.

    :raises ContractError: the file is missing, not YAML, or breaks the schema.
    """
    text = read_text(path, 'a contract', MAX_CONTRACT_BYTES)
    return replace(parse_contract(text, str(path)), folder=Path(path).parent)


def named_contract(name: str, profile: str | None = None) -> Contract:
    """
    Return a contract by its name in ``config/tasks`` or its path.

    :param profile: name in ``config/robots`` or path of the robot's, whose lidar it then reads.
    :raises IlwError: there is no such file, or it has a mistake.
    """
    contract = load_contract(config_file('tasks', name))
    return contract.declaring(load_lidar(config_file('robots', profile))) if profile else contract


def parse_contract(text: str, where: str = 'contract') -> Contract:
    """Check the text of a contract; ``where`` opens every error."""
    data = parse_yaml(text, where)
    root = Section(data, where)
    name = root.text('contract')
    if not _NAME.fullmatch(name):
        raise root.error('contract', 'letters, digits, _, - and . (it names folders)', name)
    version = root.integer('version', low=1)
    if version != 1:
        raise root.error('version', '1, the only version this ILW knows', version)
    rate_hz = root.number('rate_hz', low=0.1, high=1000.0)
    sources = _sources(root.section('observation'), rate_hz)
    action = _action(root.section('action'))
    rewards = root.section('reward', required=False)
    reward = {key: rewards.number(key, 0.0, low=-_LARGEST, high=_LARGEST)
              for key in ('goal', 'collision', 'step')}
    rewards.done()
    ends = root.section('termination', required=False)
    goal_radius_m = ends.number('goal_radius_m', 0.3, low=0.0, high=1e6)
    timeout_s = ends.number('timeout_s', 60.0, low=0.1, high=1e6)
    ends.done()
    scene = root.take('scene', {})
    if not isinstance(scene, dict):
        raise root.error('scene', 'a mapping (key: value)', scene)
    safety = read_safety(root.section('safety', required=False), action.names,
                         round(1e9 / rate_hz))
    root.done()
    return Contract(name, version, rate_hz, sources, action, reward, goal_radius_m, timeout_s,
                    scene, safety, text, _digest(data))


def _digest(data: Any) -> str:
    learnt = {key: value for key, value in data.items() if key != 'safety'}
    canonical = json.dumps(learnt, sort_keys=True, separators=(',', ':'), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _topic(section: Section) -> tuple[str, str]:
    topic = section.topic()
    kind = section.text('type')
    if not _TYPE.fullmatch(kind):
        raise section.error('type', 'a message type such as sensor_msgs/msg/LaserScan', kind)
    return topic, kind


def _sources(section: Section, rate_hz: float) -> tuple[ObservedTopic, ...]:
    sources = []
    for name in section.keys():  # noqa: SIM118 - a method, not a dict
        entry = section.section(name)
        topic, kind = _topic(entry)
        align_section = entry.section('align', required=False)
        how = align_section.text('how', 'asof', choices=('asof', 'hold'))
        # Two periods: one late message is normal, two mean the sensor is gone.
        tolerance_ms = align_section.number('tolerance_ms', 2000.0 / rate_hz, low=0.0,
                                            high=1e6)
        align_section.done()
        codec = entry.text('feature', choices=tuple(CODECS))
        options = Section(entry.rest(), entry.where)
        feature = CODECS[codec](name, options)
        options.done()
        sources.append(ObservedTopic(name, topic, kind, Align(how, round(tolerance_ms * 1e6)),
                                     feature))
    known = {source.name for source in sources}
    for source in sources:
        missing = [need for need in source.feature.needs if need not in known]
        if missing:
            raise ContractError(f'{section.where}.{source.name} reads {missing[0]!r}, which is '
                                f'not an observation. Known: {", ".join(sorted(known))}.')
    types: dict[str, str] = {}
    for source in sources:
        if types.setdefault(source.topic, source.type) != source.type:
            raise ContractError(f'{section.where}.{source.name}.type must be that of the other '
                                f'entries of {source.topic}, {types[source.topic]}. '
                                f'Got {source.type}.')
    if not sources:
        raise ContractError(f'{section.where} must name at least one topic. Got none.')
    return tuple(sources)


def _action(section: Section) -> ActionSpec:
    topic, kind = _topic(command := section.section('command'))
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
        low.append(entry.number('min', low=-_LARGEST, high=_LARGEST))
        high.append(entry.number('max', low=-_LARGEST, high=_LARGEST))
        for key, values in rates.items():
            given = key == 'max_rate' or entry.has(key)
            values.append(entry.number(key, low=1e-9, high=_LARGEST) if given else np.inf)
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
