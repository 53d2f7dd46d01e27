"""A contract for a LeRobot data set: its vectors as joint states, its cameras, its actions."""

from collections.abc import Mapping
import re

import numpy as np

from ilw_core.contract.action import ActionSpec
from ilw_core.text.printable import printable
from ilw_data.drafting.figures import bounds, up
from ilw_data.lerobot.layout import HIDDEN, Layout, Numbers, Picture

LARGEST_PX = 128
"""Of a picture's longer side, as drafted: what a policy of ours looks at in time"""
_UNIT = 'as_recorded'


def contract_text(layout: Layout, columns: Mapping[str, np.ndarray], name: str,
                  longest_s: float, origin: ActionSpec | None = None) -> str:
    """
    Return a contract that every number of a data set fits into, to the bit.

    :param columns: feature -> ``(N, D)`` of all steps, in order; and ``episode_index`` (N,).
    :param longest_s: how long its longest episode is.
    :param origin: what its actions were before they came to LeRobot; ``None``: nobody knows.
    """
    taken: set[str] = set()
    lines = [
        f'# Drafted from the LeRobot data set {printable(name)}. Topics are made up: put your',
        '# robot\'s in their place before a policy drives it.',
        f'contract: {_name(f"lerobot_{name}", set(), 64)}',  # no task of ours is called so
        'version: 1',
        f'rate_hz: {layout.fps:g}',
        'observation:']
    for each in layout.observed:
        lines += _observed(each, columns[each.key], taken)
    for picture in layout.pictures:
        lines += _camera(picture, taken)
    lines += ['action:', '  command: {topic: lerobot/action, type: '
              'std_msgs/msg/Float64MultiArray}', '  fields:']
    if origin is not None and origin.names == layout.action.names:
        lines += _known_fields(origin)
    else:
        lines += [*_fields(layout, columns), '  # NOT KNOWN: targets hold; of velocities write '
                  'unit: m/s or rad/s, no start, and stop here', '  on_stale: hold']
    lines += ['termination:',
              f'  timeout_s: {max(10.0, up(1.5 * longest_s)):g}'
              f'  # the longest episode took {longest_s:.0f} s']
    return '\n'.join(lines) + '\n'


def _observed(numbers: Numbers, values: np.ndarray, taken: set[str]) -> list[str]:
    name = _name(numbers.key.rsplit('.', 1)[-1], taken, 64)
    ranges = ', '.join(f'[{low:g}, {high:g}]' for low, high in map(_around, values.T))
    return [f'  {name}:', f'    topic: lerobot/{name}', '    type: sensor_msgs/msg/JointState',
            '    feature: joints',
            f'    joints: [{", ".join(map(_quoted, numbers.names))}]',
            f'    position_range: [{ranges}]  # as seen in {len(values)} steps',
            *(['    hidden: true'] if numbers.key == HIDDEN else [])]


def _camera(picture: Picture, taken: set[str]) -> list[str]:
    name = _name(picture.name, taken, 60)
    smaller = min(1.0, LARGEST_PX / max(picture.width, picture.height))
    width, height = (max(1, round(side * smaller)) for side in (picture.width, picture.height))
    return [f'  {name}:', f'    topic: lerobot/{name}/compressed',
            '    type: sensor_msgs/msg/CompressedImage', '    feature: image',
            f'    size: [{width}, {height}]  # of {picture.width} x {picture.height}']


def _fields(layout: Layout, columns: Mapping[str, np.ndarray]) -> list[str]:
    values, lines = columns[layout.action.key].astype(np.float64), []
    one = np.diff(columns['episode_index']) == 0  # no step leads from an episode into the next
    rates = np.max(np.abs(np.diff(values, axis=0))[one], axis=0, initial=0.0) * layout.fps
    taken: set[str] = set()
    for i, name in enumerate(layout.action.names):
        low, high = _around(values[:, i])
        start = min(max(float(f'{values[0, i]:.6g}'), low), high)
        lines.append(
            f'    - {{name: {_name(name, taken, 100)}, field: \'data[{i}]\', unit: {_UNIT}, '
            f'min: {low:g}, max: {high:g}, max_rate: {max(up(float(rates[i])), 1e-3):g}, '
            f'start: {start:g}}}')
    return lines


def _known_fields(origin: ActionSpec) -> list[str]:
    lines = []
    for i, name in enumerate(origin.names):
        stop = origin.stop[i]
        start = origin.start[i] if np.isfinite(origin.start[i]) else origin.rest[i]
        ends = f'on_stale: hold, start: {start:g}' if np.isnan(stop) else f'on_stale: {stop:g}'
        lines.append(
            f'    - {{name: {name}, field: \'data[{i}]\', unit: {_quoted(origin.units[i])}, '
            f'min: {origin.low[i]:g}, max: {origin.high[i]:g}, max_rate: {origin.max_rate[i]:g}, '
            f'{ends}}}')
    return lines


def _around(values: np.ndarray) -> tuple[float, float]:
    """Return round limits around all values, some apart."""
    low, high = bounds(values[np.isfinite(values)].astype(np.float64))
    return (low, high) if high - low > 1e-6 * max(1.0, abs(low)) else (low - 1.0, high + 1.0)


def _name(text: str, taken: set[str], most: int) -> str:
    """Return a name that a contract takes, other than those before it."""
    plain = re.sub('[^A-Za-z0-9_]+', '_', text).strip('_')[:most]
    plain = plain if re.match('[A-Za-z]', plain) else f'n_{plain}'[:most]
    found = next(each for each in (plain, *(f'{plain}_{i}' for i in range(2, 10_000)))
                 if each not in taken and each not in ('observation', 'action'))
    taken.add(found)
    return found


def _quoted(text: str) -> str:
    return "'" + printable(text).replace("'", "''") + "'"
