"""The hand of a base's expert: map, goal and pose come in, stick and buttons go out."""

from collections.abc import Sequence
import math
import zlib

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_sim.driver.expert import Expert
from ilw_sim.driver.hand import Hand, Pressed
from ilw_sim.driver.stick import Stick
from ilw_sim.physics.diff_drive import Pose
from ilw_sim.tasks.grid import grid_from_occupancy

_MAX_SIDE = 1000     # cells of a map; planning on more would take longer than an episode
_FAR_M = 1e6         # no place on a map is further away


class StickDriver(Hand[Pose]):
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
        super().__init__(stick, records=records)
        self._contract = contract
        self._seed, self._imperfection = seed, imperfection
        self._forward, self._turn = twist_fields(contract.action, 'The simulated robot')
        self._map: tuple[int, np.ndarray, float, tuple[float, float]] | None = None
        self._goal: tuple[int, tuple[float, float]] | None = None
        self._expert: Expert | None = None

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

    def cost(self, stamp_ns: int, pose: Pose) -> float | None:
        """Return the cost of the way to the goal; ``None`` while there is nothing to drive."""
        if not self._running or not self.there(stamp_ns, pose):
            return None
        self._plan_once(pose)
        assert self._expert is not None
        return self._expert.cost(pose)

    def drive(self, seen: Pose) -> Pressed:
        """Return what to press at a pose."""
        self._plan_once(seen)
        assert self._expert is not None
        action, high = self._expert.drive(seen), self._contract.action.high
        return self._stick.press({'forward': action[self._forward] / high[self._forward],
                                  'turn': action[self._turn] / high[self._turn]})

    def there(self, stamp_ns: int, seen: Pose) -> bool:
        """Tell whether there is an episode with map and goal, and a pose that is a place."""
        return (self._map is not None and self._goal is not None
                and _near(*seen) and stamp_ns >= self._map[0])  # else of the episode before it

    def _plan_once(self, pose: Pose) -> None:
        if self._expert is None:
            self._expert = self._plan(pose)

    def _plan(self, pose: Pose) -> Expert:
        assert self._map is not None
        assert self._goal is not None
        _, cells, resolution_m, origin = self._map
        world = zlib.crc32(np.array([*pose, *self._goal[1]]).tobytes() + cells.tobytes())
        expert = Expert(self._contract, np.random.default_rng([self._seed, world]),
                        self._imperfection)
        expert.plan(grid_from_occupancy(cells != 0, resolution_m, origin), self._goal[1])
        return expert


def _near(*numbers: float) -> bool:
    """Tell whether numbers can be a place: finite, and not beyond every map."""
    return all(math.isfinite(number) and abs(number) <= _FAR_M for number in numbers)
