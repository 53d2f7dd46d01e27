"""
From a drive to a plant profile: every number with its interval and the reason behind it.

Commands and odometry alone show one delay, from a command's stamp to the stamp of the odometry
that tells of its effect. It is reported as ``delay_s``, and ``odom_delay_s`` is what the caller
knows it to be (0 if nothing is known), taken off that sum; the delay of scans counts beyond it.
"""

import numpy as np

from ilw_core.base.plant import NO_LIMIT, Plant
from ilw_core.base.plant_response import respond
from ilw_core.errors import EpisodeError
from ilw_sysid.identify.dead_zones import search_dead_zone
from ilw_sysid.identify.drive import Drive
from ilw_sysid.identify.excitation import excitation, still_spans
from ilw_sysid.identify.fit import LEAST, Fit, fit
from ilw_sysid.identify.intervals import Uncertainty, uncertainty
from ilw_sysid.identify.noise import lidar_noise, odometry_noise
from ilw_sysid.identify.problem import NAMES, FitProblem, make_problem
from ilw_sysid.identify.result import (
    ZONES,
    Estimate,
    Identified,
    about_delays,
    about_intervals,
    about_the_model,
    bounded,
)
from ilw_sysid.identify.scan_delay import scan_delay

_TIMER_S = 0.002
"""Time constants are not known better: the timers of computers jitter"""
_PULL_RADPM = 0.006
"""Motors whose strength differs by 2 % turn a base while it speeds up: it looks like this pull"""
_SKEW_RATIO = 1.0 / 3.0
"""Delays in queues are skewed: their mean and what is typical lie so much of their spread apart"""
_MODEL_RATIO = 0.003
"""Gains and time constants are not known better, however long the bag: they vary while driving"""

_LEFT_RATIO = 0.9
"""Of the variance of a speed; what a fit leaves if commands and motion have nothing in common"""


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
    if not np.any((np.ptp(problem.commands, axis=0) > LEAST)
                  & (np.ptp(problem.speeds, axis=0) > LEAST)):
        raise EpisodeError('The recording must hold commands that change, and a base that answers '
                           'them. Got the same all the time. Record two minutes with starts, '
                           'stops and turns.')
    try:
        found = fit(problem)
        known = uncertainty(found)
    except np.linalg.LinAlgError as error:
        raise EpisodeError('The data contradict this model: no base explains how odometry follows '
                           'these commands. Are they the ones that it was driven with?') from error
    residuals = found.problem.residuals(found.values)
    left = residuals.var(axis=0) / np.maximum(found.problem.speeds.var(axis=0), 1e-12)
    if left[found.free[3:5]].min(initial=np.inf) > _LEFT_RATIO:
        raise EpisodeError(f'The data contradict this model: {left[found.free[3:5]].min():.0%} of '
                           'how the base moved does not follow these commands. Are they the ones '
                           'that it was driven with?')
    estimates = _smooth(found, known, drive, odom_delay_s)
    estimates |= _dead_zones(found, known)
    findings: list[str] = []
    estimates |= _sensors(drive, found, odom_delay_s, findings)
    findings = [*drive.findings, *findings, *about_delays(found, drive),
                *about_the_model(found, residuals)]
    findings += about_intervals(estimates, figures)
    rms = np.sqrt(np.mean(residuals ** 2, axis=0))
    plant = Plant(**{key: e.value for key, e in estimates.items()})
    return Identified(plant, estimates, figures, (float(rms[0]), float(rms[1])), tuple(findings))


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
            floor = float(np.hypot(drive.command_sure_s, _SKEW_RATIO * known.jitter_s))
        elif name == 'pull_radpm':
            floor = _PULL_RADPM
        elif name in ('lag_s', 'turn_lag_s'):
            floor = max(floor, float(np.hypot(_TIMER_S, _SKEW_RATIO * known.jitter_s)))
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
    for axis, name in enumerate(ZONES):
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
    problem: FitProblem = found.problem
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
