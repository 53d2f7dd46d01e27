"""A joystick in a scripted hand: what is pressed goes out as ``sensor_msgs/Joy`` has it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import IlwError

_MAX_INDEX = 255


class Stick:
    """
    The layout of one joystick, from ``config/joysticks``.

    :raises IlwError: the file is missing or lacks what the expert presses.
    """

    def __init__(self, path: Path) -> None:
        try:
            layout = read_yaml(path, 'a joystick layout')
            axes, buttons, mapping = layout['axes'], layout['buttons'], layout['mapping']
            self._deadzone = float(layout.get('deadzone', 0.0))
            if not 0.0 <= self._deadzone < 1.0:
                raise ValueError('the deadzone is not within [0, 1)')
            self._axes, self._buttons = dict(axes), dict(buttons)
            for control in ('forward', 'turn'):
                self._axes[control] = axes[mapping[control]]
            self._held = [buttons[mapping['deadman']], buttons[mapping['turbo']]]
            self._start = buttons.get(mapping.get('start'))
            if not all(type(i) is int and 0 <= i <= _MAX_INDEX
                       for i in (*axes.values(), *buttons.values())):
                raise ValueError(f'an index is not from 0 to {_MAX_INDEX}')
            device = layout.get('device', {})
            self._sizes = [_first(device.get('joy', {}).get(kind), max(indices.values()) + 1)
                           for kind, indices in (('axes', axes), ('buttons', buttons))]
            self._rest = {axes[name]: float(value)
                          for name, value in device.get('rest', {}).items()}
            if not all(-1.0 <= value <= 1.0 for value in self._rest.values()):
                raise ValueError('a rest is not within -1 to 1')
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise IlwError(f'{path} must name axes, buttons and a mapping with forward, turn, '
                           f'deadman and turbo: {error!r}. Compare it with xbox.yaml.') from error

    def rest(self) -> tuple[list[float], list[int]]:
        """Return axes and buttons of ``sensor_msgs/Joy`` while nobody touches the stick."""
        axes = [self._rest.get(index, 0.0) for index in range(self._sizes[0])]
        return axes, [0] * self._sizes[1]

    def press(self, controls: Mapping[str, float]) -> tuple[list[float], list[int]]:
        """
        Return axes and buttons of ``sensor_msgs/Joy`` with deadman and turbo held.

        :param controls: axis, or ``forward`` or ``turn``, -> deflection in [-1, 1]; button, or
            ``+axis`` or ``-axis``, -> 1 where it is held.
        :raises IlwError: the layout has no such control.
        """
        axes, buttons = self.rest()
        for name, deflection in controls.items():
            axis = name[1:] if name[0] in '+-' else name
            if name in self._buttons:
                buttons[self._buttons[name]] = int(deflection > 0.0)
            elif axis not in self._axes:
                raise IlwError(f'The contract moves a field with {name} (teleop), which the '
                               f'layout has not. It has: '
                               f'{", ".join((*self._axes, *self._buttons))}.')
            elif axis == name:
                axes[self._axes[name]] = self._past_deadzone(deflection)
            elif deflection > 0.0:
                axes[self._axes[axis]] = 1.0 if name[0] == '+' else -1.0
        for button in self._held:
            buttons[button] = 1
        return axes, buttons

    def start(self) -> tuple[list[float], list[int]]:
        """
        Return axes and buttons while the button that starts a recording is pressed.

        :raises IlwError: this layout has none.
        """
        if self._start is None:
            raise IlwError('An expert that records needs a button for start in the layout. '
                           'Compare its mapping with xbox.yaml.')
        axes, buttons = self.rest()
        buttons[self._start] = 1
        return axes, buttons

    def _past_deadzone(self, deflection: float) -> float:
        size = min(abs(deflection), 1.0)
        if size == 0.0:
            return 0.0
        return float(np.copysign(self._deadzone + (1.0 - self._deadzone) * size, deflection))


def _first(lengths: object, at_least: int) -> int:
    """Return a length, or the first of a list of them; at least what the indices need."""
    length = lengths[0] if isinstance(lengths, list) and lengths else lengths
    if length is None:
        return at_least
    if type(length) is not int or not at_least <= length <= _MAX_INDEX + 1:
        raise ValueError(f'device.joy is not from {at_least} to {_MAX_INDEX + 1}')
    return length
