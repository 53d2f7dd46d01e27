"""Write a contract down, every choice with the evidence for it in a comment."""

from collections.abc import Sequence
import math
import re

import numpy as np

from ilw_core.base.base_fit import BaseFigures
from ilw_core.contract.planar_twist import FORWARD, TURN
from ilw_core.storage.locate import config_folder
from ilw_core.text.printable import printable
from ilw_data.drafting.choices import Found
from ilw_data.drafting.figures import bounds, kept_rate_hz, largest_rates, up
from ilw_data.drafting.heard import Heard

_SECTORS = 36
_UNKNOWN_RADIUS_M, _UNKNOWN_BRAKING_MPS2 = 0.5, 0.5
"""Larger than most bases indoors, and weaker than they brake: the robot stops early, not late"""
_MOST_LETTERS = 200
"""Of what is said of a topic that is not used"""
_MOST_LATE_RATIO = 0.5
"""A held topic that first comes later than this part of the recording would cost too much of it"""


def contract_text(found: Found, name: str, base: BaseFigures | None = None) -> str:
    """
    Return a contract for what was found.

    :param name: of the recording.
    :param base: sizes and limits out of a URDF.
    """
    rate_hz = min(kept_rate_hz(found.command.times_s), kept_rate_hz(found.odometry.times_s))
    lines = [
        f'# Drafted from {printable(name)}. Every line says what it is made from: read it, then',
        '# correct what you know better. docs/reference/contract.md has every key.',
        f'contract: {_contract_name(name)}',
        'version: 1',
        *_line(f'rate_hz: {rate_hz:g}', f'the command comes at {found.command.heard.rate_hz:.1f} '
               f'Hz, the odometry at {found.odometry.rate_hz:.1f} Hz: one of each in every step'),
        'observation:', *_observation(found, rate_hz),
        'action:', *_action(found, rate_hz),
        'termination:', *_termination(found),
        *_safety(found, base)]
    return '\n'.join(lines) + '\n'


def _contract_name(name: str) -> str:
    """Return a name that no task of ours has: it would take that task's values of training."""
    plain = re.sub('[^A-Za-z0-9_.-]+', '_', name)[:64]
    ours = (config_folder() / 'tasks' / f'{plain}.yaml').exists()
    return f'bag_{plain}'[:64] if ours or not re.match('[A-Za-z]', plain) else plain


def _line(text: str, *evidence: str) -> list[str]:
    """Return a line with its comment, which goes before it where it is long."""
    comment = printable('; '.join(evidence))
    if len(text) + len(comment) < 94:
        return [f'{text}  # {comment}']
    indent = ' ' * (len(text) - len(text.lstrip()))
    return [*(f'{indent}# {part}' for part in _wrapped(comment, 94 - len(indent))), text]


def _wrapped(text: str, width: int) -> list[str]:
    lines = ['']
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append('')
        lines[-1] = f'{lines[-1]} {word}'.strip()
    return lines


def _entry(name: str, heard: Heard, feature: str, evidence: str, options: Sequence[str],
           align: str) -> list[str]:
    return [f'  {name}:', *_line(f'    topic: {heard.name}', heard.evidence),
            f'    type: {heard.type}', *_line(f'    feature: {feature}', evidence),
            *(f'    {option}' for option in options), f'    align: {align}']


def _align(heard: Heard, rate_hz: float) -> str:
    if heard.rate_hz < rate_hz / 2:
        return '{how: hold}    # comes now and then; valid until the next one'
    longest_s = float(np.quantile(np.diff(heard.times_s), 0.99))
    tolerance_ms = 1000.0 * max(2.0 / rate_hz, min(1.5 * longest_s, 4.0 / rate_hz))
    return f'{{how: asof, tolerance_ms: {round(tolerance_ms)}}}    # 99 % of gaps are up to ' \
           f'{1000.0 * longest_s:.0f} ms'


def _observation(found: Found, rate_hz: float) -> list[str]:
    lines, odometry, located = [], found.odometry, found.pose
    if found.scan is not None:
        lines += _lidar(found.scan, rate_hz)
    if located is not None and (late := _late(found, located)):
        found.left_out.append(f'{located.name}: {late}')
        located = None
    lines += _odometry(odometry, rate_hz)
    if located is not None:
        lines += _pose('pose', located, rate_hz, f'in frame {located.frame()!r}')
    elif found.scan is None:
        lines += _pose('place', odometry, rate_hz, f'in frame {odometry.frame()!r}, which begins '
                       f'anew when the robot is started: leave it out if starts differ')
    lines += _goal(found, located)
    found.left_out.extend(f'{name} ({kind}): a camera is added by hand, as feature: image'
                          for name, kind in found.pictures)
    return [*lines, *(f'  # not used: {printable(why)[:_MOST_LETTERS]}' for why in found.left_out)]


def _odometry(odometry: Heard, rate_hz: float) -> list[str]:
    speed, turn = (np.nan_to_num(odometry.column(f'twist.twist.{path}'))
                   for path in (FORWARD, TURN))
    limits = [max(0.01, up(1.5 * float(np.quantile(np.abs(each), 0.999))))
              for each in (speed, turn)]
    return _entry(
        'odometry', odometry, 'body_twist',
        f'measured {_span(speed)} m/s, {_span(turn)} rad/s; frames {odometry.frame()!r} and '
        f'{odometry.frame("child_frame_id")!r}',
        [f'speed_max_mps: {limits[0]:g}', f'turn_max_radps: {limits[1]:g}'],
        _align(odometry, rate_hz))


def _span(values: np.ndarray) -> str:
    low, high = (round(float(each), 2) + 0.0 for each in (values.min(), values.max()))  # no -0.0
    return f'{low:.2f} to {high:.2f}'


def _pose(name: str, heard: Heard, rate_hz: float, where: str) -> list[str]:
    options, seen = [], []
    for axis in 'xy':
        values = heard.column(f'pose.pose.position.{axis}')
        values = values[np.isfinite(values)]
        low, high = float(values.min()), float(values.max())
        spare = 0.2 * (high - low) + 0.5
        options.append(f'{axis}_m: [{math.floor(low - spare):.1f}, {math.ceil(high + spare):.1f}]')
        seen.append(f'{axis} {_span(values)} m')
    return _entry(name, heard, 'pose2d', f'{", ".join(seen)} {where}', options,
                  _align(heard, rate_hz))


def _lidar(scan: Heard, rate_hz: float) -> list[str]:
    low, high, step, reach = (float(scan.column(path)[0]) for path in (
        'angle_min', 'angle_max', 'angle_increment', 'range_max'))
    low, high, step = min(low, high), max(low, high), abs(step)
    beams = round((high - low) / step) + 1 if step else 1
    options = [f'sectors: {min(_SECTORS, max(1, beams // 2))}']
    if high - low < 2.0 * math.pi - 4.0 * step:
        options.append(f'field_of_view_rad: [{low:.3f}, {high:.3f}]')
    reach_m = reach if 0.1 <= reach <= 1000.0 else 10.0
    options.append(f'range_max_m: {min(reach_m, 10.0):.3g}')
    return _entry('lidar', scan, 'lidar_sectors', f'{beams} beams from {low:.2f} to {high:.2f} '
                  f'rad, up to {reach:g} m, in frame {scan.frame()!r}', options,
                  _align(scan, rate_hz))


def _goal(found: Found, located: Heard | None) -> list[str]:
    goal = found.goal
    if goal is None:
        return []
    poses = [('pose', located)] if located is not None else []
    if located is None and found.scan is None:
        poses.append(('place', found.odometry))
    poses.append(('odometry', found.odometry))
    frame = goal.frame()
    entry, pose = next(((entry, pose) for entry, pose in poses if pose.frame() == frame),
                       (None, None))
    late = _late(found, goal)
    if pose is None or late:
        found.left_out.append(f'{goal.name}: ' + (late or (
            f'its goals are in frame {frame!r}, the robot is known in '
            f'{" and ".join(sorted({repr(each.frame()) for _, each in poses}))}')))
        return []
    x, y = (goal.column(f'pose.position.{axis}') for axis in 'xy')
    px, py = (pose.column(f'pose.pose.position.{axis}') for axis in 'xy')
    farthest = float(np.nanmax(np.hypot(x[:, None] - px[None, ::10], y[:, None] - py[None, ::10])))
    return _entry('goal', goal, 'goal_polar', f'in frame {frame!r}, as the pose of {pose.name}; '
                  f'up to {farthest:.1f} m away',
                  [f'pose_from: {entry}', f'distance_max_m: {max(0.1, up(farthest)):g}'],
                  '{how: hold}    # sent once; valid until the next one')


def _late(found: Found, heard: Heard) -> str:
    begin, end = found.odometry.times_s[0], found.odometry.times_s[-1]
    late_s = float(heard.times_s[0] - begin)
    if late_s <= _MOST_LATE_RATIO * (end - begin):
        return ''
    return f'first comes {late_s:.0f} s after the odometry; nothing before could be used'


def _action(found: Found, rate_hz: float) -> list[str]:
    command = found.command
    lines = _line(f'  command: {{topic: {command.heard.name}, type: {command.heard.type}}}',
                  command.heard.evidence, f'the odometry follows it (correlation '
                  f'{command.agreement:.2f})', *(f'another: {each}' for each in command.others))
    lines.append('  fields:')
    rates = largest_rates(command.times_s, command.values, rate_hz)
    for i, path in enumerate(command.fields):
        values = command.values[:, i]
        low, high = bounds(values)
        unit = 'm/s' if path.startswith('linear') else 'rad/s'
        rate = max(up(float(rates[i])), up((high - low) / 10.0))
        lines += _line(f'    - {{name: {command.prefix}{path}, unit: {unit}, min: {low:g}, max: '
                       f'{high:g}, max_rate: {rate:g}}}', f'commanded {values.min():.3g} to '
                       f'{values.max():.3g}, changing by up to {rates[i]:.3g} per second')
    return [*lines, '  on_stale: stop']


def _termination(found: Found) -> list[str]:
    driven_s, seen_s = (float(each[-1] - each[0]) for each in (
        found.command.times_s, found.odometry.times_s))
    return _line(f'  timeout_s: {max(10.0, up(1.5 * driven_s), up(seen_s)):g}',
                 f'commands over {driven_s:.0f} s and half as much again, of {seen_s:.0f} s')


def _safety(found: Found, base: BaseFigures | None) -> list[str]:
    fields = found.command.fields
    if found.scan is None or {FORWARD, TURN} != set(fields):
        return ['# No safety.scan: ' + (
            'there is no lidar to look ahead with.' if found.scan is None else
            f'the action is no planar twist ({FORWARD} and {TURN}).')]
    lines = ['safety:  # read by the arbiter only; a change needs no new training',
             *_line(f'  deceleration_mps2: {_UNKNOWN_BRAKING_MPS2}', 'NOT MEASURED: the robot '
                    'must surely brake as hard as this. ./ilw identify measures it')]
    if base is None or base.radius_m is None:
        lines += _line(f'  footprint: {{radius_m: {_UNKNOWN_RADIUS_M}, margin_m: 0.05}}',
                       'NOT MEASURED: a circle that holds all of the robot. --robot URDF takes it '
                       'from there')
    else:
        lines += _line(f'  footprint: {{radius_m: {up(base.radius_m):g}, margin_m: 0.05}}',
                       f'the URDF reaches {base.radius_m:.3f} m from the middle of its axle')
    return [*lines, *_line(f'  scan: {{topic: {found.scan.name}, mount: [0.0, 0.0, 0.0]}}',
                           f'where {found.scan.frame()!r} is in the robot\'s frame: correct it')]
