"""The status line of a person who records or deploys: from what the nodes say to words."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ilw_core.contract.file import Contract
from ilw_core.features.goal import bearing_text, polar
from ilw_core.text.printable import printable
from ilw_teleop.recording.words import Phase

SILENT_NS = 1_000_000_000
"""Of wall time; who should be heard and is silent for longer is said to be"""
STANDS_NS = 300_000_000
"""A reason of ``PASSING`` is told when it lasts this long: one late command is normal,
and so is one late scan in a world that has only begun"""
PASSING = ('stale', 'expired', 'observation', 'blind', 'unmeasured')
_DRIVERS = {0: 'nobody drives', 1: 'you drive', 2: 'the policy drives', 3: 'nobody drives'}
_OUTCOMES = {0: 'not judged', 1: 'success', 2: 'failure'}
HELD = {
    'obstacle': 'held: something is in the way', 'blind': 'held: no lidar scan to trust',
    'unmeasured': 'held: where the robot is was not heard yet',
    'range_end': 'held at the end of a range',
    'near': 'held: something too near to measure', 'unseen': 'held: nothing sees that way',
    'workspace': 'held at the edge of the workspace', 'rival': 'held: another node commands',
    'stale': 'held: the command is too old', 'expired': 'held: the command is too old',
    'observation': 'held: the policy saw too old data', 'nonfinite': 'held: no number asked for',
    'length': 'held: another number of actions', 'contract': 'held: made for another contract'}
"""Reason of the arbiter -> what it means to who drives; limits of range and rate are no news"""


@dataclass(frozen=True)
class Part:
    """A piece of the status line."""

    text: str
    level: str = ''
    """'' as usual, 'good', 'warn' or 'bad'"""
    steady: bool = True
    """It changes only when something happens; numbers that run do not make a new line"""


@dataclass
class ArbiterSaid:
    """The newest ``arbiter/state``."""

    source: int
    armed: bool
    estopped: bool
    estop_why: str
    published: bool
    reasons: Sequence[str]
    wall_ns: int


@dataclass
class RecorderSaid:
    """The newest ``episode/status``."""

    phase: int
    begin_ns: int
    kept: bool
    """Whether the last take that ended was"""
    outcome: int
    attempted: int
    saved: int
    problems: Sequence[str]
    wall_ns: int


@dataclass
class Status:
    """
    What was heard last, and the line that says it.

    :param policy: a policy is among the nodes, so it matters whether it is armed.
    :param keys: a keyboard is the joystick, so that keys can be named.
    """

    contract: Contract
    policy: bool = False
    keys: bool = False
    arbiter: ArbiterSaid | None = None
    recorder: RecorderSaid | None = None
    pose: tuple[float, float, float] | None = None
    """x, y [m], yaw [rad] by odometry"""
    pose_wall_ns: int = 0
    goal: tuple[float, float] | None = None
    """In the frame of odometry [m]"""
    world_began_ns: int | None = None
    """When the simulator began this world; ``None``: there is no simulator"""
    _since_ns: dict[str, int] = field(default_factory=dict)
    """Reason of the arbiter -> since when it is given without a break, wall time"""

    def hear(self, said: ArbiterSaid) -> None:
        """Take in an ``arbiter/state``."""
        self.arbiter = said
        self._since_ns = {reason: self._since_ns.get(reason, said.wall_ns)
                          for reason in said.reasons}

    @property
    def recording(self) -> bool:
        """Whether a take is being recorded."""
        return self.recorder is not None and self.recorder.phase == Phase.RECORDING

    def began(self, now_ns: int) -> float | None:
        """Return the seconds of the take, or of the world where nothing records; None: neither."""
        since_ns = self.world_began_ns
        if self.recorder is not None:
            since_ns = max(self.recorder.begin_ns, since_ns or 0) if self.recording else None
        return None if since_ns is None else max(0.0, (now_ns - since_ns) / 1e9)

    def to_goal(self) -> tuple[float, float] | None:
        """Return distance [m] and bearing [rad] of the goal, if both ends are known."""
        return None if self.pose is None or self.goal is None else polar(self.pose, self.goal)

    def parts(self, now_ns: int, wall_ns: int) -> list[Part]:
        """Return the line: what matters most comes first, a narrow terminal cuts the end."""
        return [*self._stop(), *self._take(now_ns, wall_ns), *self._driver(wall_ns),
                *self._held(), *self._counts(), *self._goal(wall_ns)]

    def where(self) -> str:
        """Return where robot and goal are, a sentence, as at the begin of a take."""
        if self.pose is None:
            return 'Where the robot is, odometry does not say.'
        x, y, yaw = self.pose
        text = f'Robot at x {x:.2f} m, y {y:.2f} m, heading {_degrees(yaw)}°'
        to_goal = self.to_goal()
        if self.goal is None or to_goal is None:
            return text + '.'
        return (f'{text}; goal at x {self.goal[0]:.2f} m, y {self.goal[1]:.2f} m: '
                f'{to_goal[0]:.2f} m, {bearing_text(to_goal[1])}.')

    def _stop(self) -> list[Part]:
        said = self.arbiter
        if said is None or not said.estopped:
            return []
        how = 'u releases it' if self.keys else 'reset releases it'
        return [Part(f'EMERGENCY STOP ({printable(said.estop_why)}); {how}', 'bad')]

    def _take(self, now_ns: int, wall_ns: int) -> list[Part]:
        said, seconds = self.recorder, self.began(now_ns)
        running = [] if seconds is None else [
            Part(f'{seconds:.1f} of {self.contract.timeout_s:g} s', steady=False)]
        if said is None:
            return running
        if wall_ns - said.wall_ns > SILENT_NS:
            return [Part('RECORDER SILENT', 'bad')]
        if said.phase == Phase.RECORDING:
            return [Part('RECORDING', 'good'), *running]
        if said.phase == Phase.SAVING:
            return [Part('saving', 'warn')]
        if said.phase in (Phase.WAITING, Phase.FAULT):
            name = 'waiting' if said.phase == Phase.WAITING else 'FAULT'
            why = printable(said.problems[0]) if said.problems else 'the recorder says no reason'
            return [Part(f'{name}: {why}', 'warn' if name == 'waiting' else 'bad')]
        return [Part('ready, b begins' if self.keys else 'ready')]

    def _driver(self, wall_ns: int) -> list[Part]:
        said = self.arbiter
        if said is None:
            return []
        if wall_ns - said.wall_ns > SILENT_NS:
            return [Part('ARBITER SILENT', 'bad')]
        parts = [Part(_DRIVERS.get(said.source, 'nobody drives'),
                      'good' if said.source in (1, 2) else '')]
        if self.policy:
            parts.append(Part('armed', 'warn') if said.armed else Part('not armed'))
        if not said.published:
            parts.append(Part('dry run'))
        return parts

    def _held(self) -> list[Part]:
        said = self.arbiter
        if said is None or said.estopped:
            return []
        words = dict.fromkeys(
            HELD[reason] for reason in said.reasons if reason in HELD and not (
                reason in PASSING
                and said.wall_ns - self._since_ns.get(reason, said.wall_ns) < STANDS_NS))
        return [Part(text, 'warn') for text in words]

    def _goal(self, wall_ns: int) -> list[Part]:
        to_goal = self.to_goal()
        if to_goal is None:
            return []
        if wall_ns - self.pose_wall_ns > SILENT_NS:
            return [Part('odometry is silent', 'bad')]
        return [Part(f'goal {to_goal[0]:.2f} m {bearing_text(to_goal[1])}', steady=False)]

    def _counts(self) -> list[Part]:
        said = self.recorder
        if said is None:
            return []
        text = f'saved {said.saved}'
        if said.attempted and said.phase not in (Phase.RECORDING, Phase.SAVING):
            last = _OUTCOMES.get(said.outcome, _OUTCOMES[0]) if said.kept else 'discarded'
            text += f', last {last}'
        return [Part(text)]


def _degrees(angle_rad: float) -> int:
    return round(angle_rad * 57.29577951308232) % 360
