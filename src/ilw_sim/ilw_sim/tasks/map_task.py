"""A real place as a task: walls from a saved map, start and goal anywhere in its free space."""

import math

import cv2
import numpy as np

from ilw_core.base.base_fit import too_far
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.map_file import FREE, OCCUPIED, UNKNOWN, MapFile, load_map
from ilw_sim.physics.robot import robot_of
from ilw_sim.tasks.grid import Grid, cell_centres, path_lengths
from ilw_sim.tasks.rectangles import cover
from ilw_sim.tasks.scene import Box, Chart, Scene

_MAX_BOXES = 4000
_RESOLUTION_M = 0.1      # of the grid that starts and goals are cells of; clearance is the map's
_LENGTH_CELLS = 40_000   # of the grid that ways are measured on: 0.2 s per episode
_TRIES = 200


class MapTask:
    """One place; what is unknown has no walls, but nothing starts, ends or leads through it."""

    def __init__(self, contract: Contract, options: Section) -> None:
        self._radius_m, self._robot_m = contract.goal_radius_m, robot_of(contract).radius_m
        self._clearance_m = options.number('clearance_m', 0.35, low=self._robot_m)
        self._start_m = options.number('start_clearance_m', self._clearance_m,
                                       low=self._clearance_m)
        self._apart_m = options.number('start_to_goal_m', 2.0, low=contract.goal_radius_m)
        if far := too_far(contract, self._apart_m):
            raise options.error('start_to_goal_m', f'a way that can be driven: {far}',
                                self._apart_m)
        name = options.text('map')
        try:
            path = contract.scene_file(name)
        except IlwError as error:
            raise ContractError(f'{options.where}.map must be the map.yaml of a saved map, its '
                                f'path relative to the contract. {error}') from error
        self._where, self._contract = str(path), contract
        chart = load_map(path)
        if not (chart.cells == FREE).any():
            raise ContractError(f'{path} has no free space. Check negate, mode and free_thresh: '
                                'free cells must be lighter than that (darker with negate: 1).')
        self._boxes = tuple(self._walls(chart))
        self._origin, self._size = _bounds(chart)
        self._chart = _upright(chart, self._origin, self._size)
        self._grid = _clearance(chart, self._origin, self._size)
        passable = self._grid.clearance_m >= self._clearance_m
        self._places = cv2.connectedComponents(passable.astype(np.uint8), connectivity=4)[1]
        self._free = np.argwhere(passable)
        if not len(self._free):
            raise ContractError(
                f'{path} has no free space {2 * self._clearance_m:g} m wide; the widest is '
                f'{2 * self._grid.clearance_m.max():.2f} m. Check resolution, or set a smaller '
                f'clearance_m in {options.where}.')

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """Return the place with a random start and a goal that can be reached from it."""
        for _ in range(_TRIES):
            first, last = (tuple(self._free[i]) for i in rng.integers(len(self._free), size=2))
            start, goal = (self._grid.centre(*cell) for cell in (first, last))
            if (self._places[first] != self._places[last]
                    or math.dist(start, goal) < self._apart_m
                    or too_far(self._contract, math.dist(start, goal))
                    or self._grid.clearance_m[first] < self._start_m):
                continue
            yaw = float(rng.uniform(-math.pi, math.pi))
            length_m = self._length(start, goal) if measured else math.nan
            return Scene(self._size, self._boxes, (*start, yaw), goal, length_m,
                         self._origin, self._chart)
        raise ContractError(f'{self._where}: no two free places {self._apart_m:g} m apart with a '
                            f'way between them in {_TRIES} tries. Ask for a smaller '
                            'start_to_goal_m, clearance_m or start_clearance_m.')

    def _walls(self, chart: MapFile) -> list[Box]:
        rectangles = cover(chart.cells == OCCUPIED)
        if len(rectangles) > _MAX_BOXES:
            raise ContractError(
                f'{self._where} has walls of {len(rectangles)} boxes; the simulators take '
                f'{_MAX_BOXES}. Remove single dark pixels in a drawing program, or save the map '
                'at a coarser resolution.')
        side, boxes = chart.resolution_m, []
        for row, column, rows, columns in rectangles:
            x, y = chart.to_world(np.array((column + 0.5 * columns) * side),
                                  np.array((row + 0.5 * rows) * side))
            boxes.append(Box('wall', float(x), float(y), chart.origin[2],
                             (0.5 * columns * side, 0.5 * rows * side)))
        return boxes

    def _length(self, start: tuple[float, float], goal: tuple[float, float]) -> float:
        """Return the length of the shortest way, on a grid that is coarse where places are big."""
        grid = self._grid
        coarse = math.ceil(math.sqrt(grid.clearance_m.size / _LENGTH_CELLS))
        if coarse > 1:
            rows, columns = (-(-n // coarse) * coarse for n in grid.clearance_m.shape)
            padded = np.full((rows, columns), -np.inf)
            padded[:grid.clearance_m.shape[0], :grid.clearance_m.shape[1]] = grid.clearance_m
            freest = padded.reshape(rows // coarse, coarse, -1, coarse).max((1, 3))
            grid = Grid(grid.resolution_m * coarse, grid.origin, freest)
        lengths = path_lengths(grid, goal, self._radius_m, self._robot_m)
        return float(lengths[grid.cell(*start)])


def _bounds(chart: MapFile) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return lower left corner and sides of the upright rectangle around a map."""
    rows, columns = chart.cells.shape
    x, y = chart.to_world(np.array([0, columns, 0, columns]) * chart.resolution_m,
                          np.array([0, 0, rows, rows]) * chart.resolution_m)
    return (float(x.min()), float(y.min())), (float(np.ptp(x)), float(np.ptp(y)))


def _upright(
    chart: MapFile, origin: tuple[float, float], size: tuple[float, float],
) -> Chart:
    """Return a map on cells along the axes of its frame; itself, where it is not turned."""
    side = chart.resolution_m
    shape = (math.ceil(size[1] / side - 1e-6), math.ceil(size[0] / side - 1e-6))
    return Chart(side, origin, _sample(chart.cells, UNKNOWN, chart, shape, side, origin))


def _clearance(
    chart: MapFile, origin: tuple[float, float], size: tuple[float, float],
) -> Grid:
    """Return how far each place is from the nearest cell that is not free, to half a cell."""
    free = np.pad((chart.cells == FREE).astype(np.uint8), 1)  # off the map nothing is free
    away = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    clear_m = np.where(away > 0.0, away - 0.5, 0.0) * chart.resolution_m
    side = max(_RESOLUTION_M, chart.resolution_m)
    shape = (math.ceil(size[1] / side - 1e-6), math.ceil(size[0] / side - 1e-6))
    return Grid(side, origin, _sample(clear_m, 0.0, chart, shape, side, origin))


def _sample(
    values: np.ndarray, outside: float, chart: MapFile, shape: tuple[int, int], side_m: float,
    origin: tuple[float, float],
) -> np.ndarray:
    """Return what a map's cells have at the centres of an upright grid's cells."""
    row, column = chart.to_cells(*cell_centres(shape, side_m, origin))
    rows, columns = values.shape
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    found = values[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
    return np.where(inside, found, values.dtype.type(outside))
