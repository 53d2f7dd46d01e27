"""Which stick and button means what: the files in config/joysticks."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
import re
from typing import Any

from ilw_core.contract.schema import Section
from ilw_core.contract.stick import StickSpec
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_folder

MAX_BYTES = 100_000

_PRESSED = 0.5
"""So far moved, half of an axis is a button that is down"""
AXIS_CONTROLS = ('forward', 'turn')
BUTTON_CONTROLS = ('deadman', 'turbo', 'start', 'save_success', 'save_failure', 'discard',
                   'estop', 'reset', 'arm', 'disarm', 'override', 'reward_plus', 'reward_minus')


AUTO = 'auto'
"""In place of a layout's name: whichever fits"""

BUSES = {'usb': 0x03, 'bluetooth': 0x05}
"""As Linux numbers them; the dongle of a wireless pad is on usb"""


@dataclass(frozen=True)
class Joystick:
    """One layout of ``sensor_msgs/Joy``, and the device that it is for."""

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
    name: str = ''
    """Of its file, without .yaml"""
    joy_axes: tuple[int, ...] = ()
    """Lengths that ``Joy.axes`` may have; empty: just what the highest index needs"""
    joy_buttons: tuple[int, ...] = ()
    """Lengths that ``Joy.buttons`` may have; empty: just what the highest index needs"""
    rest: Mapping[str, float] = field(default_factory=dict)
    """Axis name -> where it is when nobody touches it; 0 where not named"""
    ids: tuple[str, ...] = ()
    """Of a Linux device: vendor ``054c`` or vendor and product ``054c:09cc``, hexadecimal"""
    buses: tuple[int, ...] = ()
    """Numbers of ``BUSES`` that the device may be on; empty: any"""
    spare_codes: tuple[int, ...] = ()
    """EV_KEY codes that the device has, too, and that no button uses"""
    optional_codes: tuple[int, ...] = ()
    """EV_KEY codes that some such devices have, and that no button uses"""

    @property
    def axes_allowed(self) -> tuple[int, ...]:
        """Lengths that ``Joy.axes`` may have."""
        return self.joy_axes or (1 + max(self.axes.values(), default=-1),)

    @property
    def buttons_allowed(self) -> tuple[int, ...]:
        """Lengths that ``Joy.buttons`` may have."""
        return self.joy_buttons or (1 + max(self.buttons.values(), default=-1),)

    def at_rest(self) -> tuple[list[float], list[int]]:
        """Return axes and buttons of a ``Joy`` message while nobody touches the pad."""
        axes, buttons = [0.0] * self.axes_allowed[0], [0] * self.buttons_allowed[0]
        for name, value in self.rest.items():
            axes[self.axes[name]] = value
        return axes, buttons

    def meaning(self) -> tuple[Any, ...]:
        """Return what ``Joy`` messages mean; layouts in which it is equal differ in names only."""
        sticks = [self.axis(control) for control in AXIS_CONTROLS]
        names = [self.mapping[control] for control in BUTTON_CONTROLS]
        presses = [(n[0], self.axes[n[1:]]) if n[0] in '+-' else self.buttons[n] for n in names]
        rests = tuple(sorted((self.axes[name], value) for name, value in self.rest.items()))
        return self.deadzone, rests, *sticks, *presses

    def axis(self, control: str) -> int:
        """Return the index of a control in ``Joy.axes``."""
        return self.axes[self.mapping[control]]

    def pressed(self, control: str, axes: Sequence[float], buttons: Sequence[int]) -> bool:
        """Tell whether a ``Joy`` message presses a control; one too short presses nothing."""
        name = self.mapping[control]
        if name[0] in '+-':
            index = self.axes[name[1:]]
            return index < len(axes) and axes[index] * (1.0 if name[0] == '+' else -1.0) > _PRESSED
        index = self.buttons[name]
        return index < len(buttons) and buttons[index] == 1

    def lacks(self, stick: StickSpec) -> str:
        """Return why a contract's sticks cannot be moved with this pad; empty if they can."""
        taken = {self.mapping[control]: control for control in BUTTON_CONTROLS
                 if control not in stick.idle}
        for name in stick.names:
            axis = name[1:] if name[0] in '+-' else name
            if name in AXIS_CONTROLS:
                continue
            if name not in self.buttons and axis not in self.axes:
                known = ', '.join((*self.axes, *self.buttons))
                return (f'The contract moves a field with {name} (teleop), which the layout '
                        f'{self.name or "given"} has not. It has: {known}.')
            both = [each for each in (name, f'+{axis}', f'-{axis}') if each in taken
                    and (each == name or name == axis)]
            if both:
                return (f'The contract moves a field with {name} (teleop), but in the layout '
                        f'{self.name or "given"} {both[0]} is {taken[both[0]]}. Choose another.')
        return ''

    def deflection(self, name: str, axes: Sequence[float], buttons: Sequence[int]) -> float:
        """
        Return how far an axis, a control or a button is moved, in [-1, 1].

        A trigger that rests at 1 goes from 0 to 1.
        """
        if name in self.buttons:
            return float(buttons[self.buttons[name]] == 1)
        if name[0] in '+-':
            value = axes[self.axes[name[1:]]]
            return float(value * (1.0 if name[0] == '+' else -1.0) > _PRESSED)
        axis = self.mapping.get(name, name)
        value, rest = axes[self.axes[axis]], self.rest.get(axis, 0.0)
        return value if rest == 0.0 else (rest - value) / 2.0

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
    return parse_joystick(read_yaml(path, 'a joystick layout', MAX_BYTES), str(path),
                          name=Path(path).stem)


def parse_joystick(data: Any, where: str, *, name: str = '') -> Joystick:
    """
    Check a layout that was read.

    :param where: opens every error.
    :raises IlwError: it breaks the layout's rules.
    """
    root = Section(data, where)
    axes = _indices(root.section('axes'))
    buttons = _indices(root.section('buttons'))
    deadzone = root.number('deadzone', 0.1, low=0.0, high=0.9)
    mapping = _mapping(root.section('mapping'), axes, buttons)
    more = _device(root.section('device', required=False), axes, buttons)
    if root.has('evdev'):
        more |= _evdev(root.section('evdev'), axes, buttons)
    root.done()
    joystick = Joystick(axes, buttons, deadzone, mapping, name=name, **more)
    _check_rest(joystick, where)
    return joystick


def _check_rest(joystick: Joystick, where: str) -> None:
    """:raises ContractError: a pad that nobody touches would drive, or press something."""
    at_rest = joystick.at_rest()
    active = [control for control in AXIS_CONTROLS if at_rest[0][joystick.axis(control)] != 0.0]
    active += [control for control in BUTTON_CONTROLS if joystick.pressed(control, *at_rest)]
    if active:
        raise ContractError(f'{where}: nothing may be pressed while nobody touches the pad. Got '
                            f'{active[0]}. Correct device.rest, or the sign in mapping.')


def known_joysticks(folder: Path | None = None) -> dict[str, Joystick]:
    """
    Return the layouts of a folder by name, read once; files that are none are left out.

    :param folder: ``None``: ``config/joysticks``; nothing where that is missing.
    """
    with suppress(IlwError):
        return dict(_read_folder(folder or config_folder() / 'joysticks'))
    return {}


@cache
def _read_folder(folder: Path) -> dict[str, Joystick]:
    found = {}
    for path in sorted(folder.glob('*.yaml')):
        with suppress(IlwError):
            found[path.stem] = load_joystick(path)
    return found


def _device(section: Section, axes: Mapping[str, int], buttons: Mapping[str, int]
            ) -> dict[str, Any]:
    joy = section.section('joy', required=False)
    sizes = {f'joy_{kind}': _lengths(joy, kind, 1 + max(indices.values(), default=-1))
             for kind, indices in (('axes', axes), ('buttons', buttons))}
    joy.done()
    rests = section.section('rest', required=False)
    for name in rests.keys():  # noqa: SIM118 - a method, not a dict
        if name not in axes:
            raise rests.error(name, f'one of {", ".join(axes)}', name)
    rest = {name: rests.number(name, low=-1.0, high=1.0) for name in rests.keys()}  # noqa: SIM118
    section.done()
    return {**sizes, 'rest': rest}


def _lengths(section: Section, key: str, at_least: int) -> tuple[int, ...]:
    value = section.take(key, [])
    lengths = value if isinstance(value, list) else [value]
    if not all(type(n) is int and at_least <= n <= 256 for n in lengths):
        raise section.error(key, f'a number from {at_least} to 256, or a list of them', value)
    return tuple(lengths)


def _evdev(section: Section, axes: dict[str, int], buttons: dict[str, int]) -> dict[str, Any]:
    buses = _texts(section, 'buses')
    if not set(buses) <= set(BUSES):
        raise section.error('buses', f'a list of {", ".join(BUSES)}', list(buses))
    ids = _texts(section, 'ids')
    if not all(re.fullmatch('[0-9a-f]{4}(:[0-9a-f]{4})?', text) for text in ids):
        raise section.error('ids', "a list of texts like '054c' or '054c:09cc'", list(ids))
    found = {'device_names': _texts(section, 'device_names'), 'ids': ids,
             'buses': tuple(BUSES[bus] for bus in buses),
             'spare_codes': _key_codes(section, 'spare_buttons'),
             'optional_codes': _key_codes(section, 'optional_buttons'),
             'axis_codes': _codes(section.section('axes'), axes),
             'button_codes': _codes(section.section('buttons'), buttons)}
    section.done()
    return found


def _key_codes(section: Section, key: str) -> tuple[int, ...]:
    codes = section.take(key, [])
    if not isinstance(codes, list) or not all(type(n) is int and 0 <= n < 0x300 for n in codes):
        raise section.error(key, 'a list of EV_KEY codes', codes)
    return tuple(codes)


def _texts(section: Section, key: str) -> tuple[str, ...]:
    texts = section.take(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise section.error(key, 'a list of texts', texts)
    return tuple(text.lower() for text in texts)


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
