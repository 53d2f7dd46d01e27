"""The expert's hand: map, goal and pose come in, stick and buttons go out."""

from collections.abc import Sequence
import math
from pathlib import Path
import zlib

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import IlwError
from ilw_sim.driver.expert import Expert
from ilw_sim.physics.diff_drive import Pose
from ilw_sim.tasks.grid import grid_from_occupancy

_MAX_INDEX = 255
_MAX_SIDE = 1000     # cells of a map; planning on more would take longer than an episode
_FAR_M = 1e6         # no place on a map is further away
_SILENT_NS = 350_000_000       # less than a joystick may be silent for
_NEW_EPISODE_NS = 500_000_000  # a larger step of the clock may be a reset, or a slow machine
_ANSWER_NS = 1_000_000_000  # a recorder says within this whether it has begun


class Stick:
    """
    The layout of one joystick, from ``config/joysticks``.

    :raises IlwError: the file is missing or lacks what the expert presses.
    """

    def __init__(self, path: Path) -> None:
        try:
            layout = read_yaml(path, 'a joystick layout')
            axes, buttons, mapping = layout['axes'], layout['buttons'], layout['mapping']
            self._deadzone = float(layout.get('deadzone', 0.0))
            if not 0.0 <= self._deadzone < 1.0:
                raise ValueError('the deadzone is not within [0, 1)')
            self._forward, self._turn = axes[mapping['forward']], axes[mapping['turn']]
            self._held = [buttons[mapping['deadman']], buttons[mapping['turbo']]]
            self._start = buttons.get(mapping.get('start'))
            if not all(type(i) is int and 0 <= i <= _MAX_INDEX
                       for i in (*axes.values(), *buttons.values())):
                raise ValueError(f'an index is not from 0 to {_MAX_INDEX}')
            device = layout.get('device', {})
            self._sizes = [_first(device.get('joy', {}).get(kind), max(indices.values()) + 1)
                           for kind, indices in (('axes', axes), ('buttons', buttons))]
            self._rest = {axes[name]: float(value)
                          for name, value in device.get('rest', {}).items()}
            if not all(-1.0 <= value <= 1.0 for value in self._rest.values()):
                raise ValueError('a rest is not within -1 to 1')
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise IlwError(f'{path} must name axes, buttons and a mapping with forward, turn, '
                           f'deadman and turbo: {error!r}. Compare it with xbox.yaml.') from error

    def rest(self) -> tuple[list[float], list[int]]:
        """Return axes and buttons of ``sensor_msgs/Joy`` while nobody touches the stick."""
        axes = [self._rest.get(index, 0.0) for index in range(self._sizes[0])]
        return axes, [0] * self._sizes[1]

    def press(self, forward: float, turn: float) -> tuple[list[float], list[int]]:
        """Return axes and buttons of ``sensor_msgs/Joy`` for deflections in [-1, 1]."""
        axes, buttons = self.rest()
        axes[self._forward] = self._past_deadzone(forward)
        axes[self._turn] = self._past_deadzone(turn)
        for button in self._held:
            buttons[button] = 1
        return axes, buttons

    def start(self) -> tuple[list[float], list[int]]:
        """
        Return axes and buttons while the button that starts a recording is pressed.

        :raises IlwError: this layout has none.
        """
        if self._start is None:
            raise IlwError('An expert that records needs a button for start in the layout. '
                           'Compare its mapping with xbox.yaml.')
        axes, buttons = self.rest()
        buttons[self._start] = 1
        return axes, buttons

    def _past_deadzone(self, deflection: float) -> float:
        size = min(abs(deflection), 1.0)
        if size == 0.0:
            return 0.0
        return float(np.copysign(self._deadzone + (1.0 - self._deadzone) * size, deflection))


class StickDriver:
    """
    An expert with a joystick in its hands; plans once per episode, presses once per tick.

    :param seed: together with the world it decides style and mistakes: the same world, the same.
    :param records: start a recording before each episode, and drive only what is recorded.
    :raises IlwError: it is to record, and the layout has no button for that.
    """

    def __init__(
        self, contract: Contract, stick: Stick, *, seed: int, imperfection: float,
        records: bool = False,
    ) -> None:
        self._contract, self._stick = contract, stick
        self._records = records
        if records:
            stick.start()
        self._take, self._done_take, self._recorder_ready = '', '', False
        """Episode that is being recorded, and the one of the episode that is over"""
        self._pressed_ns = -_ANSWER_NS
        self._seed, self._imperfection = seed, imperfection
        self._forward, self._turn = twist_fields(contract.action, 'The simulated robot')
        self._map: tuple[int, np.ndarray, float, tuple[float, float]] | None = None
        self._goal: tuple[int, tuple[float, float]] | None = None
        self._expert: Expert | None = None
        self._last_ns = -_NEW_EPISODE_NS
        self._running, self._holds = True, False

    def on_map(
        self, stamp_ns: int, cells: Sequence[int], shape: tuple[int, int], resolution_m: float,
        origin: tuple[float, float],
    ) -> bool:
        """
        Take the map of an episode.

        :param cells: row after row, 0 free; all else is no way.
        :param shape: height and width in cells.
        :returns: False for one to make no plan on.
        """
        if (len(cells) != shape[0] * shape[1] or not all(2 <= n <= _MAX_SIDE for n in shape)
                or not 1e-3 <= resolution_m <= 10.0 or not _near(*origin)):
            return False
        grid = np.array(cells, dtype=np.int8).reshape(shape)
        self._map = (stamp_ns, grid, resolution_m, origin)
        self._expert = None
        return True

    def on_goal(self, stamp_ns: int, goal: tuple[float, float]) -> bool:
        """Take the goal; a repetition of the same one changes nothing. False: it is no place."""
        if not _near(*goal):
            return False
        if self._goal is None or self._goal[1] != goal:
            self._expert = None
        self._goal = (stamp_ns, goal)
        return True

    def on_reset(self) -> None:
        """A new episode begins."""
        self._running, self._holds = True, False

    def on_stop(self) -> None:
        """The episode is over: let go of the stick until the next."""
        self._running, self._done_take = False, self._take

    def on_recorder(self, episode: str, *, recording: bool, ready: bool) -> None:
        """
        Hear what the recorder does.

        :param episode: what it records, or recorded last.
        :param ready: it would begin if asked to.
        """
        self._take = episode if recording and episode != self._done_take else ''
        self._recorder_ready = ready

    def on_tick(self, stamp_ns: int, pose: Pose) -> list[tuple[list[float], list[int]]]:
        """
        Return what to send for a tick, one after the other: as ``on_pose``, after idle hands.

        A deadman that is held when a joystick appears, or is heard again after a silence, does not
        count before it was let go of.
        """
        silent = not 0 <= stamp_ns - self._last_ns <= _SILENT_NS
        pressed = self.on_pose(stamp_ns, pose)
        begins, self._holds = silent or not self._holds, pressed is not None
        if pressed is None:
            return []
        return [self._stick.rest(), pressed] if begins else [pressed]

    def cost(self, stamp_ns: int, pose: Pose) -> float | None:
        """Return the cost of the way to the goal; ``None`` while there is nothing to drive."""
        if not self._seen(stamp_ns, pose):
            return None
        self._plan_once(pose)
        assert self._expert is not None
        return self._expert.cost(pose)

    def idle(self, stamp_ns: int) -> tuple[list[float], list[int]]:
        """Return what a pad sends for a tick at which nobody touches it."""
        self._last_ns, self._holds = stamp_ns, False
        return self._stick.rest()

    def on_pose(self, stamp_ns: int, pose: Pose) -> tuple[list[float], list[int]] | None:
        """Return (axes, buttons) for a tick; ``None`` while there is nothing to drive."""
        if abs(stamp_ns - self._last_ns) > _NEW_EPISODE_NS:
            self._running = True  # the plan stays: it is a new map that makes it an old one
        self._last_ns = stamp_ns
        if not self._seen(stamp_ns, pose):
            return None
        if self._records and not self._take:
            return self._ask_to_record(stamp_ns)
        self._plan_once(pose)
        assert self._expert is not None
        action, high = self._expert.drive(pose), self._contract.action.high
        return self._stick.press(action[self._forward] / high[self._forward],
                                 action[self._turn] / high[self._turn])

    def _seen(self, stamp_ns: int, pose: Pose) -> bool:
        """Tell whether there is an episode with map and goal, and a pose that is a place."""
        return (self._running and self._map is not None and self._goal is not None
                and _near(*pose) and stamp_ns >= self._map[0])  # else of the episode before it

    def _plan_once(self, pose: Pose) -> None:
        if self._expert is None:
            self._expert = self._plan(pose)

    def _ask_to_record(self, stamp_ns: int) -> tuple[list[float], list[int]]:
        """Press start for one tick, and give the recorder time to answer."""
        if self._recorder_ready and not 0 <= stamp_ns - self._pressed_ns < _ANSWER_NS:
            # A reset lets time leap past the answer, so ready is what it says from here on.
            self._pressed_ns, self._recorder_ready = stamp_ns, False
            return self._stick.start()
        return self._stick.rest()

    def _plan(self, pose: Pose) -> Expert:
        assert self._map is not None
        assert self._goal is not None
        _, cells, resolution_m, origin = self._map
        world = zlib.crc32(np.array([*pose, *self._goal[1]]).tobytes() + cells.tobytes())
        expert = Expert(self._contract, np.random.default_rng([self._seed, world]),
                        self._imperfection)
        expert.plan(grid_from_occupancy(cells != 0, resolution_m, origin), self._goal[1])
        return expert


def _first(lengths: object, at_least: int) -> int:
    """Return a length, or the first of a list of them; at least what the indices need."""
    length = lengths[0] if isinstance(lengths, list) and lengths else lengths
    if length is None:
        return at_least
    if type(length) is not int or not at_least <= length <= _MAX_INDEX + 1:
        raise ValueError(f'device.joy is not from {at_least} to {_MAX_INDEX + 1}')
    return length


def _near(*numbers: float) -> bool:
    """Tell whether numbers can be a place: finite, and not beyond every map."""
    return all(math.isfinite(number) and abs(number) <= _FAR_M for number in numbers)
