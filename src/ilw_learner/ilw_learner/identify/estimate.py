"""
From a drive to a plant profile: every number with its interval and the reason behind it.

Commands and odometry alone show one delay, from a command's stamp to the stamp of the odometry
that tells of its effect. It is reported as ``delay_s``, and ``odom_delay_s`` is what the caller
knows it to be (0 if nothing is known), taken off that sum; the delay of scans counts beyond it.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ilw_core.errors import EpisodeError
from ilw_core.plant import NO_LIMIT, Plant, PlantProfile
from ilw_core.plant_response import respond
from ilw_learner.identify.dead_zones import search_dead_zone
from ilw_learner.identify.drive import Drive
from ilw_learner.identify.excitation import DRIVING, Excitation, excitation, still_spans
from ilw_learner.identify.fit import Fit, fit
from ilw_learner.identify.intervals import Uncertainty, uncertainty
from ilw_learner.identify.noise import lidar_noise, odometry_noise
from ilw_learner.identify.problem import NAMES, Problem, make_problem
from ilw_learner.identify.scan_delay import scan_delay

_UNKNOWN = {
    'delay_s': (0.0, 0.3), 'lag_s': (0.0, 0.4), 'turn_lag_s': (0.0, 0.4), 'gain': (0.8, 1.2),
    'turn_gain': (0.8, 1.2), 'pull_radpm': (-0.3, 0.3), 'dead_zone_mps': (0.0, 0.05),
    'turn_dead_zone_radps': (0.0, 0.2), 'scan_delay_s': (0.0, 0.15),
    'lidar_noise_m': (0.0, 0.03),
}
"""What small wheeled bases have: stands where a bag shows less than that"""
_WANTED = {'delay_s': 0.01, 'scan_delay_s': 0.02, 'lag_s': 0.1, 'turn_lag_s': 0.1, 'gain': 0.02,
           'turn_gain': 0.02}
"""Half an interval that will do [s]; of all but delays, in parts of the value"""
_ZONES = ('dead_zone_mps', 'turn_dead_zone_radps')
_TIMER_S = 0.002
"""Time constants are not known better: the timers of computers jitter"""
_PULL_RADPM = 0.004
"""Motors of unequal strength turn a base while it speeds up, which looks like this much pull"""
_MODEL_RATIO = 0.003
"""Gains and time constants are not known better, however long the bag: they vary while driving"""


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


def identify(drive: Drive, odom_delay_s: float = 0.0) -> Identified:
    """
    Return the plant that explains a drive.

    :param odom_delay_s: how old the motion is that odometry tells of, where that is known.
    :raises EpisodeError: nothing was driven.
    """
    figures = excitation(drive)
    if not drive.commands.any() or figures.moving_s < 2.0:
        raise EpisodeError(f'The recording must hold some driving. Got {figures.moving_s:.1f} s '
                           'of motion. Record two minutes with starts, stops and turns.')
    problem = make_problem(drive)
    if len(problem.at_s) < 50:
        raise EpisodeError(f'The recording must hold commands while the base moves. Got '
                           f'{len(problem.at_s)} odometry messages beside commands: do their '
                           'stamps come from one clock?')
    found = fit(problem)
    known = uncertainty(found)
    estimates = _smooth(found, known, drive, odom_delay_s)
    estimates |= _dead_zones(found, known)
    findings: list[str] = []
    estimates |= _sensors(drive, found, odom_delay_s, findings)
    residuals = found.problem.residuals(found.values)
    findings = [*drive.findings, *findings, *_delay_findings(found, drive),
                *_misfit(found, residuals)]
    findings += _loose(estimates, figures)
    rms = np.sqrt(np.mean(residuals ** 2, axis=0))
    plant = Plant(**{key: e.value for key, e in estimates.items()})
    return Identified(plant, estimates, figures, (float(rms[0]), float(rms[1])), tuple(findings))


def bounded(name: str, value: float, low: float, high: float, reason: str) -> Estimate:
    """Return an estimate within what a plant allows; wider than usual bases means unknown."""
    least, most = Plant.bounds(name)
    usual = _UNKNOWN.get(name, (least, most))
    low, high = max(low, least), min(max(high, least), most)
    value = float(np.clip(value, least, most))
    if not np.isfinite(high - low) or high - low > usual[1] - usual[0]:
        value = float(np.clip(getattr(Plant(), name), *usual))
        return Estimate(value, usual[0], usual[1], False,
                        'the driving does not show it; the interval is what small bases have')
    return Estimate(value, float(low), float(high), True, reason)


def _smooth(found: Fit, known: Uncertainty, drive: Drive,
            odom_delay_s: float) -> dict[str, Estimate]:
    estimates = {}
    for k, name in enumerate(NAMES):
        if found.values[k] == NO_LIMIT:
            continue  # none was found, and none is what a plant has by default
        if name not in known.intervals:
            estimates[name] = bounded(name, found.values[k], -np.inf, np.inf, '')
            continue
        interval, value = known.intervals[name], float(found.values[k])
        floor = _MODEL_RATIO * abs(value)
        if name == 'delay_s':
            floor = drive.command_sure_s
        elif name == 'pull_radpm':
            floor = _PULL_RADPM
        elif name in ('lag_s', 'turn_lag_s'):
            floor = max(floor, _TIMER_S)
        half = max(value - interval.low, interval.high - value)
        half = float(np.hypot(half, floor))
        off = odom_delay_s if name == 'delay_s' else 0.0
        reason = f'fitted: {value - off:.4g} +- {half:.2g}'
        if name == 'delay_s':
            reason += ('; from the stamp of a command to that of the odometry that shows it'
                       + (f', less {odom_delay_s:g} s of odometry' if odom_delay_s else ''))
        estimates[name] = bounded(name, value - off, value - half - off, value + half - off,
                                  reason)
    return estimates


def _dead_zones(found: Fit, known: Uncertainty) -> dict[str, Estimate]:
    estimates = {}
    for axis, name in enumerate(_ZONES):
        if not found.free[3 + axis]:
            estimates[name] = bounded(name, 0.0, -np.inf, np.inf, '')
            continue
        zone = search_dead_zone(found.problem, found.values, found.scale, axis,
                                known.inflation[axis])
        value = found.problem.dead_zones[axis]
        low, high = min(zone.low, value), max(zone.high, value)
        why = (f'the smallest command, {zone.smallest_command:.3g}, moved it'
               if high <= zone.smallest_command else f'commands of {high:.3g} moved it'
               + (f', of {low:.3g} did nothing' if low else ', smaller ones leave it open'))
        estimates[name] = bounded(name, value, low, high, why)
    return estimates


def _sensors(drive: Drive, found: Fit, odom_delay_s: float,
             findings: list[str]) -> dict[str, Estimate]:
    problem: Problem = found.problem
    residuals = problem.residuals(found.values)
    model = respond(problem.plant(found.values), problem.command_s, problem.commands,
                    problem.at_s)
    estimates = {'odom_delay_s': Estimate(
        odom_delay_s, odom_delay_s, odom_delay_s, True,
        'given' if odom_delay_s else 'by definition: delay_s holds it, the two show as a sum')}
    for axis, name in enumerate(('odom_noise_mps', 'odom_noise_radps')):
        noise = odometry_noise(residuals[:, axis], model[:, axis])
        estimates[name] = bounded(name, noise.value, noise.low, noise.high, noise.how)
    if drive.scans is None:
        return estimates
    lidar = lidar_noise(drive.scans, still_spans(drive))
    estimates['lidar_noise_m'] = (
        bounded('lidar_noise_m', 0.0, -np.inf, np.inf, '') if lidar is None else
        bounded('lidar_noise_m', lidar.value, lidar.low, lidar.high, lidar.how))
    delay = scan_delay(drive.scans, drive.odom_s, drive.poses)
    if delay is not None and delay.high_s + odom_delay_s < 0.0:
        findings.append(f'Scans are {-1e3 * delay.value_s:.0f} ms fresher than odometry, so '
                        'odometry is at least so old: say it with --odom-delay-s.')
    estimates['scan_delay_s'] = (
        bounded('scan_delay_s', 0.0, -np.inf, np.inf, '') if delay is None else
        bounded('scan_delay_s', delay.value_s + odom_delay_s, delay.low_s + odom_delay_s,
                delay.high_s + odom_delay_s, 'scans foretold from odometry'))
    return estimates


def _delay_findings(found: Fit, drive: Drive) -> list[str]:
    told: list[str] = []
    if found.free[0] and found.values[0] < -drive.command_sure_s:
        told.append(f'Odometry shows motion {-1e3 * found.values[0]:.0f} ms before it was '
                    "commanded: its stamps are late, or its clock is behind the commands'. "
                    'delay_s is given as 0. Synchronise the clocks (chrony) and record again.')
    if drive.clock.rate == 1.0 and drive.clock.age_s > 0.01:
        told.append(f'Odometry arrives {1e3 * drive.clock.age_s:.0f} ms (median) later than at '
                    'its quickest: whoever reads it lives with that beside delay_s.')
    return told


def _loose(estimates: dict[str, Estimate], figures: Excitation) -> list[str]:
    """Say what is not known well enough, and which driving would show it."""
    told = []
    for name, e in estimates.items():
        half, wanted = 0.5 * (e.high - e.low), _WANTED.get(name)
        if not e.known:
            told.append(f'{name} is not known from this. {DRIVING[name]}')
        elif name in _ZONES and e.low == 0.0 and e.high > 0.5 * _UNKNOWN[name][1]:
            slow = '' if e.value else 'No slow commands, or too few: '
            told.append(f'{slow}{name} is only known to be below {e.high:.3g}. {DRIVING[name]}')
        elif wanted and half > wanted * (1.0 if 'delay' in name else max(e.value, 0.05)):
            told.append(f'{name} is known only within {half:.2g}. {DRIVING[name]}')
    if figures.length_s < 60.0:
        told.append(f'This is {figures.length_s:.0f} s of recording; two minutes are better.')
    return told


def _misfit(found: Fit, residuals: np.ndarray) -> list[str]:
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
