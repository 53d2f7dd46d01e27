"""
The contract: everything a demonstration, a policy and a robot of one task must agree on.

Data only: the file holds no code and names none but codecs in ``features.CODECS``.
"""

from dataclasses import dataclass, replace
import hashlib
import json
from pathlib import Path
import re
from typing import Any

import numpy as np

from ilw_core.contract.action import ActionSpec, read_action
from ilw_core.contract.end_rules import OUTCOMES, EndRule, read_rules
from ilw_core.contract.observed import ObservedTopic, read_sources
from ilw_core.contract.safety import SafetySpec, read_safety
from ilw_core.contract.schema import LARGEST, Section
from ilw_core.contract.stick import StickSpec, read_stick
from ilw_core.contract.yaml_data import parse_yaml, read_text
from ilw_core.features.lidar_spec import PLAIN, LidarSpec, load_lidar
from ilw_core.storage.locate import config_file, config_folder, resource_file

MAX_CONTRACT_BYTES = 1_000_000
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]{0,63}')


@dataclass(frozen=True)
class Contract:
    """See ``docs/reference/contract.md``."""

    name: str
    version: int
    rate_hz: float
    sources: tuple[ObservedTopic, ...]
    action: ActionSpec
    reward: dict[str, float]
    """``goal``, ``collision``, ``step``; ``success`` and ``failure`` by ``rules``"""
    goal_radius_m: float
    timeout_s: float
    rules: tuple[EndRule, ...]
    """Other ends, by what is observed"""
    scene: dict[str, Any]
    """Options of the simulated task; nothing to a real robot"""
    safety: SafetySpec
    stick: StickSpec
    text: str
    """The file, as it was read"""
    hash: str
    """sha256 hex of the canonical form, without comments, layout, ``safety`` and ``teleop``"""
    folder: Path | None = None
    """Where the file was: paths in ``scene`` begin there; ``None``: it came as text"""
    lidar: LidarSpec = PLAIN
    """What the robot profile declares of its lidar; no part of the file, nor of the hash"""

    def declaring(self, lidar: LidarSpec) -> 'Contract':
        """Return the same contract for a robot whose profile says this of its lidar."""
        if lidar == self.lidar:
            return self
        return replace(self, lidar=lidar, sources=tuple(
            replace(source, feature=source.feature.declaring(lidar))
            if source.feature.declaring else source for source in self.sources))

    def begin_at(self, values: np.ndarray) -> np.ndarray:
        """
        Return what is applied before anybody drives: fields that hold are where measured, (Da,).

        :param values: ``(Do,)`` what is observed then; NaN what is not known.
        """
        action, names = self.action, self.obs_names
        begin = action.begin
        for field, name in enumerate(action.measured):
            if name:
                begin[field] = values[names.index(name)]
        return np.where(np.isnan(begin), action.rest, begin)

    @property
    def period_ns(self) -> int:
        """Nanoseconds from tick to tick."""
        return round(1e9 / self.rate_hz)

    @property
    def obs_dim(self) -> int:
        """Length of an observation's vector, Do; images are beside it."""
        return sum(source.feature.dim for source in self.sources)

    @property
    def obs_names(self) -> tuple[str, ...]:
        """(Do,) what each number of an observation is."""
        return tuple(name for source in self.sources for name in source.feature.names)

    @property
    def entry_names(self) -> tuple[str, ...]:
        """(Do,) entry that each number of an observation comes from."""
        return tuple(source.name for source in self.sources for _ in source.feature.names)

    @property
    def obs_low(self) -> np.ndarray:
        """(Do,) float32 lower bounds."""
        return np.array([v for s in self.sources for v in s.feature.low], dtype=np.float32)

    @property
    def obs_high(self) -> np.ndarray:
        """(Do,) float32 upper bounds."""
        return np.array([v for s in self.sources for v in s.feature.high], dtype=np.float32)

    @property
    def images(self) -> tuple[ObservedTopic, ...]:
        """What is observed as an image, in the order of the file."""
        return tuple(source for source in self.sources if source.feature.is_image)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Entries that only say how an episode ends: no policy sees them."""
        return tuple(source.name for source in self.sources if source.hidden)

    @property
    def measured(self) -> frozenset[str]:
        """Observed numbers that the arbiter needs for its commands; mostly none."""
        return frozenset(self.action.measured) - {''} | {
            spec.of for spec in self.safety.ranges}

    @property
    def topics(self) -> dict[str, str]:
        """Topic -> type of everything an episode must contain, the commands last."""
        return {s.topic: s.type for s in self.sources} | self.action.topics

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
    sources = read_sources(root.section('observation'), rate_hz)
    observed = [name for source in sources for name in source.feature.names]
    action = read_action(root.section('action'), observed)
    rewards = root.section('reward', required=False)
    reward = {key: rewards.number(key, 0.0, low=-LARGEST, high=LARGEST)
              for key in ('goal', 'collision', 'step', *OUTCOMES)}
    rewards.done()
    ends = root.section('termination', required=False)
    goal_radius_m = ends.number('goal_radius_m', 0.3, low=0.0, high=1e6)
    timeout_s = ends.number('timeout_s', 60.0, low=0.1, high=1e6)
    rules = read_rules(ends, observed)
    ends.done()
    scene = root.take('scene', {})
    if not isinstance(scene, dict):
        raise root.error('scene', 'a mapping (key: value)', scene)
    safety = read_safety(root.section('safety', required=False), action, observed,
                         round(1e9 / rate_hz))
    stick = read_stick(root.section('teleop', required=False), action)
    if safety.scan is None and safety.workspace is None:
        stick = replace(stick, idle=('override',))  # nothing slows a person that it could lift
    root.done()
    return Contract(name, version, rate_hz, sources, action, reward, goal_radius_m, timeout_s,
                    rules, scene, safety, stick, text, _digest(data))


def _digest(data: Any) -> str:
    learnt = {key: value for key, value in data.items() if key not in ('safety', 'teleop')}
    canonical = json.dumps(learnt, sort_keys=True, separators=(',', ':'), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
