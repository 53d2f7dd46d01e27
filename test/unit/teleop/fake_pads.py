"""Gamepads made in software: devices as evdev shows them, which may behave badly, and Joy."""

from types import SimpleNamespace

from ilw_teleop.joystick.layout import Joystick
from ilw_teleop.joystick.pad import EV_ABS, EV_KEY

WIRED_AXES = {0: (-32768, 32767), 1: (-32768, 32767), 2: (0, 255), 3: (-32768, 32767),
              4: (-32768, 32767), 5: (0, 255), 16: (-1, 1), 17: (-1, 1)}
WIRED_KEYS = [304, 305, 307, 308, 310, 311, 314, 315, 316, 317, 318]
BLUETOOTH_AXES = {0: (0, 65535), 1: (0, 65535), 2: (0, 65535), 5: (0, 65535), 9: (0, 1023),
                  10: (0, 1023), 16: (-1, 1), 17: (-1, 1)}


class FakePad:
    """Has the interface of ``evdev.InputDevice``; everything it says can be set."""

    def __init__(self, path='/dev/input/event3', *, name='Microsoft X-Box 360 pad',
                 axes=None, keys=None, bus=3, vendor=0x045e, product=0x028e, force=False):
        self.path, self.name, self.force = path, name, force
        self.axes = dict(WIRED_AXES if axes is None else axes)
        self.keys = list(WIRED_KEYS if keys is None else keys)
        self.info = SimpleNamespace(bustype=bus, vendor=vendor, product=product, version=1)
        self.values = {code: _rest(code, *limits, kind=self.axes)
                       for code, limits in self.axes.items()}
        self.down, self.queue, self.shaken = [], [], []
        self.plugged, self.full, self.opened = True, False, 0

    def capabilities(self):
        self._check()
        able = {EV_KEY: list(self.keys),
                EV_ABS: [(code, SimpleNamespace(min=low, max=high))
                         for code, (low, high) in self.axes.items()]}
        return able | ({21: [0x51, 0x50]} if self.force else {})  # FF_PERIODIC, FF_RUMBLE

    def absinfo(self, code):
        self._check()
        return SimpleNamespace(value=self.values[code])

    def active_keys(self):
        self._check()
        return list(self.down)

    def read(self):
        self._check()
        if not self.queue:
            raise BlockingIOError
        events, self.queue = self.queue, []
        return events

    def upload_effect(self, effect):
        if self.full:
            raise OSError(28, 'No space left on device')
        self.effect = effect
        return 7

    def write(self, kind, code, value):
        self._check()
        self.shaken.append((kind, code, value))

    def close(self):
        self.opened -= 1

    # -- the hand

    def move(self, code, value):
        self.values[code] = value
        self.queue.append(SimpleNamespace(type=EV_ABS, code=code, value=value))

    def press(self, code, value=1):
        self.down = [key for key in self.down if key != code] + [code] * value
        self.queue.append(SimpleNamespace(type=EV_KEY, code=code, value=value))

    def _check(self):
        if not self.plugged:
            raise OSError(19, 'No such device')


def _rest(code, low, high, kind):
    triggers = {9, 10} if 9 in kind else {2, 5} if {3, 4} <= set(kind) else set()
    return low if code in triggers else (low + high + 1) // 2


class FakeInput:
    """In the place of the module ``evdev``: whichever pads are plugged in."""

    def __init__(self, *pads):
        self.pads = list(pads)

    def list_devices(self):
        return [pad.path for pad in self.pads if pad.plugged]

    def InputDevice(self, path):  # noqa: N802 - as evdev calls it
        for pad in self.pads:
            if pad.path == path and pad.plugged:
                pad.opened += 1
                return pad
        raise OSError(2, 'No such file or directory')


def device_of(layout: Joystick, *, path='/dev/input/event3', **changes):
    """Return a pad that is just as a layout says."""
    vendor, _, product = (layout.ids[0] if layout.ids else '').partition(':')
    known = {'name': ' '.join(layout.device_names[:1]) or 'pad',
             'axes': {code: (-128, 128) for code in layout.axis_codes.values()},
             'keys': [*layout.button_codes.values(), *layout.spare_codes],
             'bus': layout.buses[0] if layout.buses else 3,
             'vendor': int(vendor or '0', 16), 'product': int(product or '0', 16)}
    pad = FakePad(path, **{**known, **changes})
    rests = {layout.axis_codes[name]: value for name, value in layout.rest.items()}
    pad.values = {code: round(-128 * rests.get(code, 0.0)) for code in pad.axes}
    return pad


def sent(layout: Joystick, *controls, forward=0.0, turn=0.0):
    """Return the axes and buttons that a pad of a layout sends while these controls are held."""
    axes, buttons = layout.at_rest()
    axes[layout.axis('forward')], axes[layout.axis('turn')] = forward, turn
    for control in controls:
        layout.press(control, axes, buttons)
    return axes, buttons
