"""What identification hands over: numbers, intervals, reasons; as profile, text and JSON."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ilw_core.base.plant import Plant, PlantProfile
from ilw_sysid.identify.excitation import Excitation

USUAL = {
    'delay_s': (0.0, 0.3), 'lag_s': (0.0, 0.4), 'turn_lag_s': (0.0, 0.4), 'gain': (0.8, 1.2),
    'turn_gain': (0.8, 1.2), 'pull_radpm': (-0.3, 0.3), 'dead_zone_mps': (0.0, 0.05),
    'turn_dead_zone_radps': (0.0, 0.2), 'scan_delay_s': (0.0, 0.15),
    'lidar_noise_m': (0.0, 0.03),
}
"""What small wheeled bases have: stands where a bag shows less than that"""


@dataclass(frozen=True)
class Estimate:
    """One number of a plant."""

    value: float
    low: float
    """Lower end of the 95 % interval"""
    high: float
    known: bool
    """False: the bag does not show it, the interval is what small bases have"""
    reason: str


def bounded(name: str, value: float, low: float, high: float, reason: str) -> Estimate:
    """Return an estimate within what a plant allows; wider than usual bases means unknown."""
    least, most = Plant.bounds(name)
    usual = USUAL.get(name, (least, most))
    low, high = max(low, least), min(max(high, least), most)
    value = float(np.clip(value, least, most))
    if not np.isfinite(high - low) or high - low > usual[1] - usual[0]:
        value = float(np.clip(getattr(Plant(), name), *usual))
        return Estimate(value, usual[0], usual[1], False,
                        'the driving does not show it; the interval is what small bases have')
    return Estimate(value, float(low), float(high), True, reason)


@dataclass(frozen=True)
class Identified:
    """What a drive tells of a base."""

    plant: Plant
    """With the value of every estimate"""
    estimates: dict[str, Estimate]
    """Field of ``Plant`` -> estimate"""
    excitation: Excitation
    rms: tuple[float, float]
    """Odometry less model [m/s, rad/s], as far as it was fitted"""
    findings: tuple[str, ...]

    def profile(self, name: str) -> PlantProfile:
        """Return the intervals as a profile."""
        return PlantProfile(name, {key: (e.low, e.high) for key, e in self.estimates.items()})

    def text(self, name: str) -> str:
        """Return the profile's YAML, with the reason behind each value."""
        head = ''.join(f'# {line}\n' for line in (
            'Identified from a recording; intervals are 95 %.', *self.findings))
        return head + self.profile(name).text({k: e.reason for k, e in self.estimates.items()})

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {'plant': asdict(self.plant), 'rms': list(self.rms),
                'estimates': {key: asdict(e) for key, e in self.estimates.items()},
                'excitation': asdict(self.excitation), 'findings': list(self.findings)}
