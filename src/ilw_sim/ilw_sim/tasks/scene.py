"""A room as plain shapes: what stands where, how far a point is from it. No physics."""

from dataclasses import dataclass, field
import math

import numpy as np

from ilw_sim.tasks.grid import Grid, cell_centres

ROBOT_RADIUS_M = 0.16
"""Radius of the robot's body, as in ``urdf/diff_drive.urdf``."""
HEIGHT_M = 0.4
"""Of everything that stands in a room; the lidar looks out at 0.18 m."""


@dataclass(frozen=True)
class Box:
    """An upright box."""

    kind: str
    """``wall`` or ``box``"""
    x: float
    y: float
    yaw: float
    half: tuple[float, float]
    """Half of its sides [m]"""

    @property
    def extent_m(self) -> float:
        """No point of it is further from x, y."""
        return math.hypot(*self.half)

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance of points from the surface [m], negative inside."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        dx, dy = x - self.x, y - self.y
        u = np.abs(cos * dx + sin * dy) - self.half[0]
        v = np.abs(cos * dy - sin * dx) - self.half[1]
        return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0)


@dataclass(frozen=True)
class Cylinder:
    """An upright cylinder."""

    x: float
    y: float
    radius: float
    kind: str = 'cylinder'

    @property
    def extent_m(self) -> float:
        """No point of it is further from x, y."""
        return self.radius

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance of points from the surface [m], negative inside."""
        return np.hypot(x - self.x, y - self.y) - self.radius


Shape = Box | Cylinder


@dataclass(frozen=True)
class Chart:
    """A map of the world that is not drawn from its shapes: a saved one, with unknown space."""

    resolution_m: float
    origin: tuple[float, float]
    """Lower left corner [m]"""
    cells: np.ndarray
    """(H, W) int8, as in ``nav_msgs/OccupancyGrid``"""


@dataclass(frozen=True)
class Scene:
    """Everything about one episode's world."""

    size: tuple[float, float]
    """The room spans so much in x and y from its origin [m]."""
    shapes: tuple[Shape, ...]
    start: tuple[float, float, float]
    """x, y, yaw of the robot"""
    goal: tuple[float, float]
    shortest_path_m: float
    """From the start to the rim of the goal, for a robot that just fits"""
    origin: tuple[float, float] = (0.0, 0.0)
    """Lower left corner of the room [m]"""
    chart: Chart | None = field(default=None, compare=False)
    """``None``: the shapes are the map"""


def make_grid(
    size: tuple[float, float], shapes: tuple[Shape, ...], resolution_m: float,
    margin_m: float = 0.1, corner: tuple[float, float] = (0.0, 0.0),
) -> Grid:
    """Return the clearance of a room on a grid that reaches ``margin_m`` beyond it."""
    rows, columns = (math.ceil((side + 2 * margin_m) / resolution_m - 1e-9) for side in size[::-1])
    origin = (corner[0] - margin_m, corner[1] - margin_m)
    x, y = cell_centres((rows, columns), resolution_m, origin)
    return Grid(resolution_m, origin, distance(shapes, x, y))


def distance(shapes: tuple[Shape, ...], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance of points from the nearest shape [m], negative inside."""
    nearest = np.full(np.shape(x), np.inf)
    for shape in shapes:
        nearest = np.minimum(nearest, shape.distance(x, y))
    return nearest


def room_walls(size: tuple[float, float], thickness_m: float = 0.1) -> tuple[Box, ...]:
    """Return four walls just outside [0, size]."""
    (w, h), t = size, thickness_m / 2
    return (Box('wall', w / 2, -t, 0.0, (w / 2 + 2 * t, t)),
            Box('wall', w / 2, h + t, 0.0, (w / 2 + 2 * t, t)),
            Box('wall', -t, h / 2, 0.0, (t, h / 2)), Box('wall', w + t, h / 2, 0.0, (t, h / 2)))


def maze_walls(rows: list[str], cell_m: float, thickness_m: float = 0.06) -> tuple[Box, ...]:
    """
    Return the walls of a maze drawn in characters; runs of '#' become one box each.

    :param rows: top row first; walls on even rows and columns, cells on the odd ones.
    """
    drawn = np.array([[char == '#' for char in row] for row in rows[::-1]])  # y upwards
    covered = np.zeros_like(drawn)
    walls = []
    t = thickness_m / 2
    for line in range(0, drawn.shape[0], 2):
        for first, last in _runs(drawn[line]):
            covered[line, first:last + 1] = True
            middle, half = (first + last) / 4 * cell_m, (last - first) / 4 * cell_m + t
            walls.append(Box('wall', middle, line / 2 * cell_m, 0.0, (half, t)))
    for line in range(0, drawn.shape[1], 2):
        for first, last in _runs(drawn[:, line]):
            covered[first:last + 1, line] = True
            middle, half = (first + last) / 4 * cell_m, (last - first) / 4 * cell_m + t
            walls.append(Box('wall', line / 2 * cell_m, middle, 0.0, (t, half)))
    for row, column in np.argwhere(drawn & ~covered):
        walls.append(Box('wall', column / 2 * cell_m, row / 2 * cell_m, 0.0, (t, t)))
    return tuple(walls)


def _runs(line: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, last) of each run of at least three True: a post, a wall, a post."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2) if b - a >= 3]
