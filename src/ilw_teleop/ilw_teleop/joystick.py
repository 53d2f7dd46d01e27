"""Which stick and button means what: the files in config/joysticks. No ROS, no device."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilw_core.schema import Section
from ilw_core.yaml_data import read_yaml

MAX_BYTES = 100_000

AXIS_CONTROLS = ('forward', 'turn')
BUTTON_CONTROLS = ('deadman', 'turbo', 'start', 'save_success', 'save_failure', 'discard',
                   'estop', 'reset', 'arm', 'disarm', 'override', 'reward_plus', 'reward_minus')


@dataclass(frozen=True)
class Joystick:
    """One layout of ``sensor_msgs/Joy``."""

    axes: dict[str, int]
    """Axis name -> index in ``Joy.axes``"""
    buttons: dict[str, int]
    """Button name -> index in ``Joy.buttons``"""
    deadzone: float
    """Ratio of full deflection that counts as rest, in [0, 0.9]"""
    mapping: dict[str, str]
    """Control -> axis or button name; ``+axis`` or ``-axis``: that half of an axis is a button"""
    device_names: tuple[str, ...] = ()
    """Parts of a Linux device's name, lower case; empty when only the ``joy`` package reads it"""
    axis_codes: dict[str, int] | None = None
    """Axis name -> EV_ABS code"""
    button_codes: dict[str, int] | None = None
    """Button name -> EV_KEY code"""

    def axis(self, control: str) -> int:
        """Return the index of a control in ``Joy.axes``."""
        return self.axes[self.mapping[control]]

    def pressed(self, control: str, axes: Sequence[float], buttons: Sequence[int]) -> bool:
        """Tell whether a ``Joy`` message presses a control; one too short presses nothing."""
        name = self.mapping[control]
        if name[0] in '+-':
            index = self.axes[name[1:]]
            return index < len(axes) and axes[index] * (1.0 if name[0] == '+' else -1.0) > 0.5
        index = self.buttons[name]
        return index < len(buttons) and buttons[index] == 1

    def press(self, control: str, axes: list[float], buttons: list[int]) -> None:
        """Press a control in a ``Joy`` message that is being made."""
        name = self.mapping[control]
        if name[0] in '+-':
            axes[self.axes[name[1:]]] = 1.0 if name[0] == '+' else -1.0
        else:
            buttons[self.buttons[name]] = 1


def load_joystick(path: str | Path) -> Joystick:
    """
    Read and check a layout.

    :raises IlwError: the file is missing, not YAML, or breaks the layout's rules.
    """
    root = Section(read_yaml(path, 'a joystick layout', MAX_BYTES), str(path))
    axes = _indices(root.section('axes'))
    buttons = _indices(root.section('buttons'))
    deadzone = root.number('deadzone', 0.1, low=0.0, high=0.9)
    mapping = _mapping(root.section('mapping'), axes, buttons)
    names: tuple[str, ...] = ()
    axis_codes = button_codes = None
    if root.has('evdev'):
        evdev = root.section('evdev')
        names = _device_names(evdev)
        axis_codes = _codes(evdev.section('axes'), axes)
        button_codes = _codes(evdev.section('buttons'), buttons)
        evdev.done()
    root.done()
    return Joystick(axes, buttons, deadzone, mapping, names, axis_codes, button_codes)


def _device_names(section: Section) -> tuple[str, ...]:
    names = section.take('device_names', [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise section.error('device_names', 'a list of texts', names)
    return tuple(name.lower() for name in names)


def _indices(section: Section) -> dict[str, int]:
    found = {name: section.integer(name) for name in section.keys()}  # noqa: SIM118
    for name, index in found.items():
        if index > 255:
            raise section.error(name, 'an index up to 255', index)
    return found


def _codes(section: Section, known: dict[str, int]) -> dict[str, int]:
    codes = {}
    for name in section.keys():  # noqa: SIM118 - a method, not a dict
        if name not in known:
            raise section.error(name, f'one of {", ".join(known)}', name)
        codes[name] = section.integer(name)
    return codes


def _mapping(section: Section, axes: dict[str, Any], buttons: dict[str, Any]) -> dict[str, str]:
    chosen = {control: section.text(control, choices=tuple(axes)) for control in AXIS_CONTROLS}
    halves = (f'{sign}{axis}' for axis in axes for sign in '+-')
    pressable = (*buttons, *halves)
    chosen |= {control: section.text(control, choices=pressable) for control in BUTTON_CONTROLS}
    section.done()
    return chosen
