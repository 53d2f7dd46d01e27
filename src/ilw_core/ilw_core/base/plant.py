"""
How a wheeled base answers its commands: the numbers that are identified, simulated, randomised.

The model, for forward speed v [m/s] and turn rate w [rad/s]: a command takes effect ``delay_s``
after it was sent; below its dead zone it counts as zero; it is scaled by its gain; driving forward
also turns the base by ``pull`` per metre; what the controller asks of the motors goes there no
faster than its acceleration limit; the motion follows with a first-order lag. Knows no simulator,
no robot and no ROS.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.arm_plant import ARM_RANGES, ArmPlant
from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml

Interval = tuple[float, float]
"""Lowest and highest value; equal where the value is known"""

_RANGES: dict[str, tuple[float, float]] = {
    'delay_s': (0.0, 1.0), 'lag_s': (0.0, 2.0), 'turn_lag_s': (0.0, 2.0),
    'gain': (0.1, 3.0), 'turn_gain': (0.1, 3.0), 'pull_radpm': (-5.0, 5.0),
    'dead_zone_mps': (0.0, 1.0), 'turn_dead_zone_radps': (0.0, 3.0),
    'odom_delay_s': (0.0, 1.0), 'scan_delay_s': (0.0, 1.0),
    'lidar_noise_m': (0.0, 0.5), 'odom_noise_mps': (0.0, 1.0), 'odom_noise_radps': (0.0, 3.0),
    'acceleration_mps2': (0.01, 1000.0), 'turn_acceleration_radps2': (0.01, 1000.0),
}
NO_LIMIT = 1000.0
"""An acceleration that no base reaches [m/s^2, rad/s^2]"""
_MAX_BYTES = 100_000


@dataclass(frozen=True)
class Plant:
    """One base, known exactly: what a simulated episode is made with."""

    delay_s: float = 0.0
    """From the stamp of a command to the wheels' first answer"""
    lag_s: float = 0.0
    """Time constant of the forward speed"""
    turn_lag_s: float = 0.0
    """Time constant of the turn rate"""
    gain: float = 1.0
    """Forward speed that comes per speed that was commanded, in steady state"""
    turn_gain: float = 1.0
    """The same of the turn rate"""
    pull_radpm: float = 0.0
    """Turn per metre driven straight: wheels that are not equal"""
    dead_zone_mps: float = 0.0
    """Forward commands below it do nothing"""
    turn_dead_zone_radps: float = 0.0
    """Turn commands below it do nothing"""
    odom_delay_s: float = 0.0
    """Age of the motion that an odometry message tells of, by its own stamp"""
    scan_delay_s: float = 0.0
    """The same of a lidar scan"""
    lidar_noise_m: float = 0.0
    """Standard deviation of one range"""
    odom_noise_mps: float = 0.0
    """Standard deviation of the forward speed in odometry"""
    odom_noise_radps: float = 0.0
    """Standard deviation of the turn rate in odometry"""
    acceleration_mps2: float = NO_LIMIT
    """Fastest change of the forward speed that the base's controller asks for"""
    turn_acceleration_radps2: float = NO_LIMIT
    """The same of the turn rate"""

    @staticmethod
    def bounds(name: str) -> Interval:
        """Return the lowest and highest value that a profile may give a field."""
        return _RANGES[name]


_KINDS: dict[str, tuple[type[Any], dict[str, Interval]]] = {
    'base': (Plant, _RANGES), 'arm': (ArmPlant, ARM_RANGES)}


@dataclass(frozen=True)
class PlantProfile:
    """A robot known within limits: each number of its plant has an interval."""

    name: str
    intervals: dict[str, Interval]
    """Field of the plant -> interval; those that are not there are as in ``Plant()``"""
    of: str = 'base'
    """``base``: of a ``Plant``; ``arm``: of an ``ArmPlant``"""

    def middle(self) -> Any:
        """Return the plant in the middle of every interval."""
        return _KINDS[self.of][0](**{
            key: 0.5 * (low + high) for key, (low, high) in self.intervals.items()})

    def draw(self, rng: np.random.Generator) -> Any:
        """Return a plant drawn uniformly from the intervals, in the order of its fields."""
        kind = _KINDS[self.of][0]
        return kind(**{field.name: float(rng.uniform(*self.intervals[field.name]))
                       for field in fields(kind) if field.name in self.intervals})

    def text(self, reasons: dict[str, str] | None = None) -> str:
        """Return the profile as YAML; ``reasons`` become comments behind their values."""
        lines = [f'plant: {self.name}', *([f'of: {self.of}'] if self.of != 'base' else [])]
        for key, (low, high) in self.intervals.items():
            value = f'{low:.6g}' if low == high else f'[{low:.6g}, {high:.6g}]'
            why = (reasons or {}).get(key, '')
            lines.append(f'{key}: {value}' + (f'  # {why}' if why else ''))
        return '\n'.join(lines) + '\n'


def load_plant(path: str | Path) -> PlantProfile:
    """
    Read a profile: each value a number, or the two ends of an interval.

    :raises ContractError: the file is missing or broken, or a value is out of bounds.
    """
    section = Section(read_yaml(path, 'a plant profile', _MAX_BYTES), str(path))
    name, of = section.text('plant'), section.text('of', 'base', choices=tuple(_KINDS))
    _, ranges = _KINDS[of]
    intervals = {key: section.interval(key, *bounds) for key, bounds in ranges.items()
                 if section.has(key)}
    for key in ranges:
        section.take(key)
    section.done()
    return PlantProfile(name, intervals, of)
