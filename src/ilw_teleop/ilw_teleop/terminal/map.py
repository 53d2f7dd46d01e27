"""A map in characters: walls, robot, goal, scan and path, as large as the terminal allows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
import math

import numpy as np

from ilw_core.features.goal import FARTHEST_M, somewhere

Point = tuple[float, float]
Pose = tuple[float, float, float]
Box = tuple[float, float, float, float]
"""Least x and y, greatest x and y [m]"""

OCCUPIED = 50
"""Cells of an occupancy grid from this value on are walls, as in nav2's defaults"""
MARGIN_M = 0.5
"""Around what is to be seen where there is no map"""
COARSEST_M = 0.2
"""Half a character is no more: a corridor has to be seen"""
PATH_STEP_M = 0.05
PATH_POINTS = 4000
"""200 m of way; what is older is forgotten"""


@dataclass(frozen=True)
class Glyphs:
    """The characters of a map."""

    wall: str
    """None, lower, upper and both halves of a character cell"""
    robot: str
    """Eight headings from east, counter-clockwise"""
    goal: str
    scan: str
    """Something is seen where the map has no wall"""
    path: str


UNICODE = Glyphs(' ▄▀█', '→↗↑↖←↙↓↘', '◎', '×', '·')
ASCII = Glyphs(' ###', '>/^\\</v\\', 'G', 'x', '.')
STYLES = {'wall': 'white', 'seen': 'bright_red', 'robot': 'bold bright_yellow',
          'goal': 'bold bright_green', 'scan': 'bright_red', 'path': 'cyan', '': ''}
"""What a character shows -> its colour, as rich names it; seen: a wall that the lidar sees"""


@dataclass(frozen=True)
class Walls:
    """An occupancy grid."""

    cells: np.ndarray
    """(H, W) int8, row 0 at the smallest y"""
    resolution_m: float
    origin: Point
    """Outer corner of cell (0, 0)"""

    @cached_property
    def points(self) -> np.ndarray:
        """The middles of the occupied cells, ``(N, 2)`` [m]."""
        rows, columns = np.nonzero(self.cells >= OCCUPIED)
        return (np.column_stack([columns, rows]) + 0.5) * self.resolution_m + self.origin

    @property
    def box(self) -> Box:
        """Least x and y, greatest x and y [m]."""
        height, width = self.cells.shape
        x, y = self.origin
        return x, y, x + width * self.resolution_m, y + height * self.resolution_m


@dataclass
class MapView:
    """What is to be drawn, all in one frame."""

    walls: Walls | None = None
    robot: Pose | None = None
    goal: Point | None = None
    scan: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    """(N, 2) where beams ended [m]"""
    path: list[Point] = field(default_factory=list)

    def drive(self, pose: Pose) -> None:
        """Take in where the robot is now; the path grows when it has moved."""
        self.robot = pose
        if not self.path or math.dist(self.path[-1], pose[:2]) >= PATH_STEP_M:
            self.path.append(pose[:2])
            del self.path[:-PATH_POINTS]

    def box(self) -> Box | None:
        """Return least x and y, greatest x and y to be seen [m]; ``None``: nothing is known."""
        if self.walls is not None:
            return self.walls.box
        points = [*self.path, *([self.goal] if self.goal else []), *map(tuple, self.scan)]
        if not points:
            return None
        low, high = np.min(points, axis=0) - MARGIN_M, np.max(points, axis=0) + MARGIN_M
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True)
class Raster:
    """Half character cells over a box: two above each other make one character."""

    left_m: float
    top_m: float
    pixel_m: float
    columns: int
    rows: int
    """Of characters"""

    @classmethod
    def fit(cls, box: Box, columns: int, rows: int) -> 'Raster':
        """Return the finest raster of square pixels that shows the box in so many characters."""
        width, height = box[2] - box[0], box[3] - box[1]
        pixel = max(width / columns, height / (2 * rows), 1e-3)
        return cls(box[0], box[3], pixel, max(1, math.ceil(width / pixel - 1e-9)),
                   max(1, math.ceil(height / (2 * pixel) - 1e-9)))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return (column, half row) of points ``(N, 2)`` inside, ``(M, 2)`` int."""
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        points = points[np.isfinite(points).all(axis=1)]
        places = np.column_stack([points[:, 0] - self.left_m, self.top_m - points[:, 1]])
        places = np.floor(places / self.pixel_m)
        inside = ((places >= 0) & (places < (self.columns, 2 * self.rows))).all(axis=1)
        return np.asarray(places[inside].astype(int))

    def area(self, points: np.ndarray) -> np.ndarray:
        """Return which half cells hold a point, ``(2 rows, columns)`` bool."""
        area = np.zeros((2 * self.rows, self.columns), dtype=bool)
        x, y = self.pixels(points).T
        area[y, x] = True
        return area


def draw(scene: MapView, columns: int, rows: int, glyphs: Glyphs = UNICODE,
         ) -> list[list[tuple[str, str]]]:
    """
    Return the map as rows of (character, what it shows: a key of ``STYLES``).

    :param columns: characters there is room for; the map is no larger, and may be smaller.
    """
    box = scene.box()
    if box is None or columns < 1 or rows < 1:
        return []
    raster = Raster.fit(_window(box, scene.robot, columns, rows), columns, rows)
    empty = np.zeros((0, 2))
    walls = raster.area(empty if scene.walls is None else scene.walls.points)
    scan = raster.area(scene.scan)
    seen, strange = walls & _wider(scan), scan & ~_wider(walls)
    picture = [_row(walls[i:i + 2], seen[i:i + 2], strange[i:i + 2], glyphs)
               for i in range(0, 2 * raster.rows, 2)]
    for place, what, glyph in (
            *((p, 'path', glyphs.path) for p in _characters(raster, np.array(scene.path))),
            *((p, 'goal', glyphs.goal) for p in _characters(raster, np.array(
                [scene.goal] if scene.goal else empty))),
            *((p, 'robot', _arrow(scene.robot, glyphs)) for p in _characters(raster, np.array(
                [scene.robot[:2]] if scene.robot else empty)))):
        if what != 'path' or picture[place[1]][place[0]][1] == '':
            picture[place[1]][place[0]] = (glyph, what)
    return picture


def _window(box: Box, robot: Pose | None, columns: int, rows: int) -> Box:
    """Return the box, or where it is too large to be driven by, what of it is around the robot."""
    if robot is None:
        return box
    window = list(box)
    for axis, most_m in ((0, columns * COARSEST_M), (1, 2 * rows * COARSEST_M)):
        low, high = box[axis], box[axis + 2]
        if high - low > most_m:
            low = min(max(low, robot[axis] - most_m / 2), high - most_m)
            window[axis], window[axis + 2] = low, low + most_m
    return window[0], window[1], window[2], window[3]


def _wider(area: np.ndarray) -> np.ndarray:
    """Return an area with its neighbours: what a lidar measures is seldom on the very cell."""
    padded = np.pad(area, 1)
    height, width = area.shape
    return np.logical_or.reduce([padded[i:i + height, j:j + width]
                                 for i in range(3) for j in range(3)])


def _row(walls: np.ndarray, seen: np.ndarray, strange: np.ndarray, glyphs: Glyphs,
         ) -> list[tuple[str, str]]:
    """Return one row of characters from two of halves, ``(2, columns)`` bool each."""
    row = []
    for (upper, lower), near, new in zip(walls.T, seen.any(axis=0), strange.any(axis=0),
                                         strict=True):
        if upper or lower:
            row.append((glyphs.wall[2 * int(upper) + int(lower)], 'seen' if near else 'wall'))
        else:
            row.append((glyphs.scan, 'scan') if new else (' ', ''))
    return row


def _characters(raster: Raster, points: np.ndarray) -> list[tuple[int, int]]:
    halves = raster.area(points)
    rows, columns = np.nonzero(halves[::2] | halves[1::2])
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def _arrow(pose: Pose | None, glyphs: Glyphs) -> str:
    return '' if pose is None else glyphs.robot[round(pose[2] / (math.pi / 4)) % 8]


def beam_ends(pose: Pose, ranges: Sequence[float], angle_min: float, angle_increment: float,
              range_min: float, range_max: float) -> np.ndarray:
    """
    Return where the beams of a scan ended, ``(N, 2)``; beams without a return are left out.

    :param pose: of the lidar, in the frame wanted.
    """
    reach = np.asarray(ranges, dtype=np.float64)
    with np.errstate(over='ignore', invalid='ignore'):  # no angle is left out below
        angles = pose[2] + angle_min + angle_increment * np.arange(len(reach))
    hit = (np.isfinite(reach) & np.isfinite(angles) & (reach > range_min) & (reach < range_max)
           & (reach < FARTHEST_M))
    return np.asarray(np.column_stack([pose[0] + reach[hit] * np.cos(angles[hit]),
                                       pose[1] + reach[hit] * np.sin(angles[hit])]))


def grid_of(cells: np.ndarray, width: int, height: int, resolution_m: float,
            origin: Point) -> Walls | None:
    """Return the walls of an occupancy grid, ``(height * width,)``; ``None``: it is none."""
    if not somewhere(resolution_m, *origin) or resolution_m <= 0.0 or len(cells) == 0:
        return None
    if len(cells) != width * height:
        return None
    return Walls(cells.reshape(height, width), resolution_m, origin)
