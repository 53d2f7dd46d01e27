"""A place on a plane: walls, boxes, cylinders, where to start and where to go. Data only."""

from dataclasses import asdict, dataclass
import math
from pathlib import Path
from typing import Any

from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml, yaml_text
from ilw_core.errors import ContractError

_MAX_BYTES = 5_000_000  # a floor of an office as segments
_LENGTHS = {'segments': 4, 'walls': 5, 'boxes': 5, 'cylinders': 3}

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class EmulatedWorld:
    """Everything that stands still, in metres and radians."""

    name: str
    start: tuple[float, float, float]
    """x, y, yaw of the robot"""
    goal: tuple[float, float]
    segments: Rows = ()
    """x, y of one end and of the other: walls without thickness"""
    walls: Rows = ()
    """x, y of the middle, yaw, half of each side"""
    boxes: Rows = ()
    """As walls; only their name differs, in what the robot is said to have touched"""
    cylinders: Rows = ()
    """x, y of the middle, radius"""
    shortest_path_m: float = math.nan
    """From the start to the goal's rim; where not known, the straight line is taken"""

    @property
    def way_m(self) -> float:
        """The shortest path, or the straight line where it is not known."""
        straight = math.dist(self.start[:2], self.goal)
        return self.shortest_path_m if math.isfinite(self.shortest_path_m) else straight

    def text(self) -> str:
        """Return the world as a YAML file that ``load_world`` reads back to the bit."""
        data: dict[str, Any] = asdict(self)
        rows = {key: [list(row) for row in data.pop(key)] for key in _LENGTHS}
        head = {'world': data.pop('name'), **{
            key: list(value) if isinstance(value, tuple) else value
            for key, value in data.items() if value == value}}
        return yaml_text(head | {key: value for key, value in rows.items() if value},
                         short_lists=True)


def load_world(path: str | Path) -> EmulatedWorld:
    """
    Read a world file, YAML or JSON.

    :raises ContractError: the file is missing or broken, or a value is no world's.
    """
    path = Path(path)
    if not path.is_file():
        raise ContractError(f'There is no world file {path}. Write one, or let ./ilw world make '
                            f'one; docs/how-to/emulate_a_robot.md has the format.')
    return read_world(Section(read_yaml(path, 'a world', _MAX_BYTES), str(path)))


def read_world(section: Section) -> EmulatedWorld:
    """Return the world that a mapping describes; see ``docs/how-to/emulate_a_robot.md``."""
    name = section.text('world')
    x, y, yaw = section.numbers('start', 3)
    goal_x, goal_y = section.numbers('goal', 2)
    way_m = (section.number('shortest_path_m', low=0.0)
             if section.has('shortest_path_m') else math.nan)
    rows = {key: _rows(section, key, length) for key, length in _LENGTHS.items()}
    section.done()
    return EmulatedWorld(name, (x, y, yaw), (goal_x, goal_y), **rows, shortest_path_m=way_m)


def _rows(section: Section, key: str, length: int) -> Rows:
    items = section.take(key, [])
    if not isinstance(items, list):
        raise section.error(key, f'a list of lists of {length} numbers', items)
    rows = []
    for i, item in enumerate(items):
        numbers = Section({str(i): item}, f'{section.where}.{key}').numbers(str(i), length)
        if length != 4 and any(size <= 0.0 for size in numbers[3 if length == 5 else 2:]):
            raise ContractError(f'{section.where}.{key}.{i} must have sizes above 0. '
                                f'Got {item!r}.')
        rows.append(numbers)
    return tuple(rows)
