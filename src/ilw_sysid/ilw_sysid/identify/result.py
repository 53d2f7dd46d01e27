"""What identification hands over: numbers, intervals, reasons and findings, in words too."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ilw_core.base.plant import NO_LIMIT, Plant, PlantProfile
from ilw_sysid.identify.drive import Drive
from ilw_sysid.identify.excitation import DRIVING, Excitation
from ilw_sysid.identify.fit import Fit

USUAL = {
    'delay_s': (0.0, 0.3), 'lag_s': (0.0, 0.4), 'turn_lag_s': (0.0, 0.4), 'gain': (0.8, 1.2),
    'turn_gain': (0.8, 1.2), 'pull_radpm': (-0.3, 0.3), 'dead_zone_mps': (0.0, 0.05),
    'turn_dead_zone_radps': (0.0, 0.2), 'scan_delay_s': (0.0, 0.15),
    'lidar_noise_m': (0.0, 0.03),
}
"""What small wheeled bases have: stands where a bag shows less than that"""
_WANTED = {'delay_s': 0.01, 'scan_delay_s': 0.02, 'lag_s': 0.1, 'turn_lag_s': 0.1, 'gain': 0.02,
           'turn_gain': 0.02}
"""Half an interval that will do [s]; of all but delays, in parts of the value"""
ZONES = ('dead_zone_mps', 'turn_dead_zone_radps')


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


def about_delays(found: Fit, drive: Drive) -> list[str]:
    """Say what stamps hide."""
    told: list[str] = []
    if found.free[0] and found.values[0] < -drive.command_sure_s:
        told.append(f'Odometry shows motion {-1e3 * found.values[0]:.0f} ms before it was '
                    "commanded: its stamps are late, or its clock is behind the commands'. "
                    'delay_s is given as 0. Synchronise the clocks (chrony) and record again.')
    if drive.clock.rate == 1.0 and drive.clock.age_s > 0.01:
        told.append(f'Odometry arrives {1e3 * drive.clock.age_s:.0f} ms (median) later than at '
                    'its quickest: whoever reads it lives with that beside delay_s.')
    return told


def about_intervals(estimates: dict[str, Estimate], figures: Excitation) -> list[str]:
    """Say what is not known well enough, and which driving would show it."""
    told = []
    for name, e in estimates.items():
        half, wanted = 0.5 * (e.high - e.low), _WANTED.get(name)
        if not e.known:
            told.append(f'{name} is not known from this. {DRIVING[name]}')
        elif name in ZONES and e.low == 0.0 and e.high > 0.5 * USUAL[name][1]:
            slow = '' if e.value else 'No slow commands, or too few: '
            told.append(f'{slow}{name} is only known to be below {e.high:.3g}. {DRIVING[name]}')
        elif wanted and half > wanted * (1.0 if 'delay' in name else max(e.value, 0.05)):
            told.append(f'{name} is known only within {half:.2g}. {DRIVING[name]}')
    if figures.length_s < 60.0:
        told.append(f'This is {figures.length_s:.0f} s of recording; two minutes are better.')
    return told


def about_the_model(found: Fit, residuals: np.ndarray) -> list[str]:
    """Say where the base does something that the model has no word for."""
    told = []
    for axis, (what, unit) in enumerate((('forward speed', 'm/s^2'), ('turn rate', 'rad/s^2'))):
        if not found.free[3 + axis]:
            continue
        speed, limit = found.problem.speeds[:, axis], found.values[6 + axis]
        if limit < NO_LIMIT:
            told.append(f'The {what} changes by no more than {limit:.3g} {unit}: commands that '
                        'jump further are not obeyed at once. Set max_rate of the contract to it, '
                        'so that commands stay within.')
        spread = float(residuals[:, axis].std())
        if spread > 0.1 * max(float(np.abs(speed).max()), 1e-9):
            told.append(f'The model leaves {spread:.3g} of the {what} unexplained (of up to '
                        f'{np.abs(speed).max():.3g}): look at the plot for pushes, slip or '
                        'another source of commands.')
    return told
