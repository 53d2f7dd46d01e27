"""Hold a ``Joy`` message, or a Linux device, against a joystick layout."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
import math

from ilw_teleop.joystick.layout import BUSES, Joystick

ABS_X, ABS_Y, ABS_MISC = 0x00, 0x01, 0x28
"""From ABS_MISC on: touch surfaces, never a stick"""
ABS_PROFILE = 0x21
"""A switch of some Xbox pads between settings that they keep themselves, never a stick"""
FIRST_PAD_KEYS = (0x120, 0x130)
"""BTN_JOYSTICK and BTN_GAMEPAD: every pad has one of them, keyboards and mice have none"""
PAD_KEYS = (range(0x120, 0x140), range(0x220, 0x224), range(0x2c0, 0x2e8))
"""EV_KEY codes of joysticks and gamepads; what else a device has (home, back) means nothing"""
REST_BAND = 0.5
"""So far from its rest an axis may be, ratio of full deflection: worn, or a thumb lies on it"""
SEEN_AT_REST = 0.25
"""A trigger is at rest only so near to it, ratio of full deflection"""
_OVER = 1.01
"""Rounding may lead a little beyond 1"""


@dataclass(frozen=True)
class Device:
    """What a Linux input device says of itself."""

    name: str
    axes: Mapping[int, tuple[int, int]]
    """EV_ABS code -> (minimum, maximum)"""
    keys: frozenset[int]
    """EV_KEY codes"""
    bus: int = 0
    """As in ``BUSES``; 0: it does not say"""
    vendor: int = 0
    product: int = 0
    values: Mapping[int, int] = field(default_factory=dict)
    """EV_ABS code -> where it is now; without those not told"""
    path: str = ''

    @property
    def is_pad(self) -> bool:
        """Whether it is any gamepad or joystick at all."""
        return {ABS_X, ABS_Y} <= set(self.axes) and any(
            key in self.keys for key in FIRST_PAD_KEYS)

    @property
    def id(self) -> str:
        """Vendor and product, hexadecimal; empty when it tells neither."""
        return f'{self.vendor:04x}:{self.product:04x}' if self.vendor or self.product else ''

    @property
    def text(self) -> str:
        """Name, id and bus for a person."""
        bus = next((name for name, number in BUSES.items() if number == self.bus), '')
        return f'{self.name!r}' + (f' ({", ".join(filter(None, (self.id, bus)))})'
                                   if self.id or bus else '')

    def deflection(self, code: int) -> float:
        """Return where an axis is now as ``Joy`` has it, in [-1, 1]; NaN where not told."""
        low, high = self.axes.get(code, (0, 0))
        if code not in self.values or high <= low:
            return math.nan
        return 1.0 - 2.0 * (self.values[code] - low) / (high - low)


def doubtful(joystick: Joystick, known: Mapping[str, Joystick]) -> bool:
    """Tell whether pads of other layouts, which mean something else, have the same numbers."""
    return any(other.meaning() != joystick.meaning()
               and set(other.axes_allowed) & set(joystick.axes_allowed)
               and set(other.buttons_allowed) & set(joystick.buttons_allowed)
               for other in known.values())


def why_not(joystick: Joystick, axes: Sequence[float], buttons: Sequence[int]) -> str:
    """Return why a ``Joy`` message is none of this layout, a sentence; empty when it may be."""
    for what, got, allowed in (('axes', len(axes), joystick.axes_allowed),
                               ('buttons', len(buttons), joystick.buttons_allowed)):
        if got not in allowed:
            return f'It has {got} {what}, the layout {" or ".join(map(str, allowed))}.'
    for index, value in enumerate(axes):
        if not abs(value) <= _OVER:  # NaN included
            return f'Its axis {index} is at {value:g}, beyond -1 to 1.'
    for index, state in enumerate(buttons):
        if state not in (0, 1):
            return f'Its button {index} is {state}, neither 0 nor 1.'
    return ''


def why_not_device(joystick: Joystick, device: Device, *, by_name: bool = True) -> str:
    """
    Return why a device is none of this layout, a sentence; empty when it is.

    :param by_name: ``False``: a person named the device, whatever it calls itself.
    """
    if joystick.axis_codes is None or joystick.button_codes is None:
        return 'The layout has no evdev codes.'
    wanted = set(joystick.axis_codes.values())
    has = {code for code in device.axes if code < ABS_MISC} - {ABS_PROFILE}
    if wanted != has:
        return _difference('axis', wanted, has)
    wanted = {*joystick.button_codes.values(), *joystick.spare_codes}
    has = {code for code in device.keys if any(code in codes for codes in PAD_KEYS)}
    missing = wanted - set(device.keys)
    extra = has - wanted - set(joystick.optional_codes)
    if missing or extra:
        return _difference('button', missing, extra)
    if joystick.buses and device.bus and device.bus not in joystick.buses:
        buses = [name for name, number in BUSES.items() if number in joystick.buses]
        return f'It is connected over another bus than {" or ".join(buses)}.'
    if by_name and not (named(joystick, device) or known_id(joystick, device)):
        return 'Neither its name nor its id is one of the layout.'
    for name, code in joystick.axis_codes.items():
        low, high = device.axes[code]
        if high <= low:
            return f'Its axis {name} has no range ({low} to {high}).'
        rest, now = joystick.rest.get(name, 0.0), device.deflection(code)
        if abs(now - rest) > REST_BAND:
            return (f'Its axis {name} is at {now:.2f}, and rests at {rest:g} in the layout; let '
                    'go of it.')
    return ''


def let_go(device: Device) -> Device:
    """Return a device as if nobody knew where its axes are: what is held speaks against none."""
    return replace(device, values={})


def named(joystick: Joystick, device: Device) -> bool:
    """Tell whether the device's name contains one of the layout's."""
    return any(part in device.name.lower() for part in joystick.device_names)


def known_id(joystick: Joystick, device: Device) -> bool:
    """Tell whether vendor, or vendor and product, are the layout's."""
    return any(device.id == known or device.id.startswith(f'{known}:') for known in joystick.ids)


def fitting(joysticks: Mapping[str, Joystick], axes: Sequence[float], buttons: Sequence[int]
            ) -> list[str]:
    """Return the names of the layouts that a ``Joy`` message may be of."""
    return [name for name, one in joysticks.items() if not why_not(one, axes, buttons)]


def resting(joysticks: Mapping[str, Joystick], axes: Sequence[float], buttons: Sequence[int]
            ) -> list[str]:
    """Return the names of the layouts of which a ``Joy`` message is a pad at rest."""
    return [name for name in fitting(joysticks, axes, buttons)
            if all(abs(value - rest) <= SEEN_AT_REST
                   for value, rest in zip(axes, joysticks[name].at_rest()[0], strict=False))]


def fitting_device(joysticks: Mapping[str, Joystick], device: Device) -> list[str]:
    """Return the names of the layouts that fit a device, best first: by id, then by name."""
    names = [name for name, one in joysticks.items() if not why_not_device(one, device)]
    return sorted(names, key=lambda name: -_certainty(joysticks[name], device))


def best_device(joysticks: Mapping[str, Joystick], device: Device) -> Joystick | None:
    """Return the layout that fits a device best; nothing where several do and differ."""
    names = fitting_device(joysticks, device)
    if not names:
        return None
    certain = _certainty(joysticks[names[0]], device)
    return the_one(joysticks, [name for name in names
                               if _certainty(joysticks[name], device) == certain])


def the_one(joysticks: Mapping[str, Joystick], names: Iterable[str]) -> Joystick | None:
    """Return the first of the named layouts if all mean the same; otherwise nothing."""
    chosen = [joysticks[name] for name in names]
    same = len({one.meaning() for one in chosen}) == 1
    return chosen[0] if same else None


def advice(names: Sequence[str]) -> str:
    """Return what to do about a pad that these layouts fit, in words."""
    if not names:
        return 'No layout fits it: make one with ./ilw joystick teach NAME.'
    return (f'May fit: {", ".join(names)}. Try one before you drive with it: '
            f'./ilw joystick test {names[0]}.')


def _certainty(joystick: Joystick, device: Device) -> int:
    by_id = max((len(known) for known in joystick.ids
                 if known_id(joystick, device) and device.id.startswith(known)), default=0)
    return 10 * by_id + named(joystick, device)


def _difference(kind: str, wanted: set[int], has: set[int]) -> str:
    parts = [f'lacks {kind} code {", ".join(map(str, sorted(wanted - has)))}'] \
        if wanted - has else []
    if has - wanted:
        parts.append(f'has {kind} code {", ".join(map(str, sorted(has - wanted)))}, which the '
                     'layout lacks')
    return f'It {" and ".join(parts)}.'
