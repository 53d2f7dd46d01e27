"""Make a layout of a pad by pressing each control once."""

from dataclasses import replace
import json
import math

from ilw_teleop.joystick.fit import Device
from ilw_teleop.joystick.layout import AXIS_CONTROLS, BUSES, BUTTON_CONTROLS
from ilw_teleop.joystick.raw_pad import RawPad, axis_order, key_order

ASKED = {
    'forward': 'Push the stick that drives fully forward, and let go.',
    'turn': 'Push the stick that turns fully to the left, and let go.',
    'deadman': 'Press and let go of the button that is held to drive (deadman).',
    'turbo': '... the button for full speed (turbo).',
    'start': '... the button that begins an episode (start).',
    'save_success': '... the button that saves it as a success (save_success).',
    'save_failure': '... the button that saves it as a failure (save_failure).',
    'discard': '... the button that throws it away (discard).',
    'estop': '... the button of the emergency stop (estop).',
    'reset': '... the button that releases the emergency stop (reset).',
    'arm': '... the button that lets the policy drive (arm).',
    'disarm': '... the button that takes that back (disarm).',
    'override': '... the button that, held, drives on in front of obstacles (override).',
    'reward_plus': '... the button for: that was good (reward_plus).',
    'reward_minus': '... the button for: that was bad (reward_minus).',
}
WARM_UP = 'Turn both sticks once around, press every trigger fully, and let go of everything.'
STILL_S = 1.5
"""Nothing moved for so long: what the axes are at now is their rest"""
FAR, NEAR = 0.75, 0.3
"""Distance from rest of an axis that is pressed, and of one that was let go of, ratio"""
Press = tuple[int, str]
"""Code, and '+' or '-' for half an axis or '' for a button"""


class Lesson:
    """
    Asks for one control after the other; fed with the events of a device and the time.

    :param facts: of the device, as ``describe`` returns them.
    """

    def __init__(self, facts: Device) -> None:
        self._pad = RawPad(facts)
        self._rest: dict[int, float] | None = None
        """EV_ABS code -> -1, 0 or 1; ``None``: not known yet"""
        self._seen = dict(self._pad.deflection)
        self._moved = False
        self._moved_s = math.inf
        self._left = list(ASKED)
        self._found: dict[str, Press] = {}
        self._pressed: set[Press] = set()
        """Since all was at rest"""
        self.complaint = ''
        """Why the last press did not count, a sentence; empty when it did"""

    @property
    def done(self) -> bool:
        """Whether nothing more is to be asked."""
        return not self._left

    @property
    def prompt(self) -> str:
        """What to press now."""
        return WARM_UP if self._rest is None else '' if self.done else ASKED[self._left[0]]

    def set_keys(self, keys: set[int]) -> None:
        """Take over which keys are down."""
        self._pad.set_keys(keys)

    def on_event(self, kind: int, code: int, value: int, now_s: float) -> bool:
        """
        Take in one event.

        :returns: whether the state must be read anew because the kernel dropped events.
        """
        lost = self._pad.on_event(kind, code, value)
        for axis, at in self._pad.deflection.items():
            if not abs(at - self._seen[axis]) <= 0.1:
                self._seen[axis], self._moved, self._moved_s = at, True, now_s
        if self._rest is not None and not self.done:
            self._look()
        return lost

    def on_time(self, now_s: float) -> None:
        """Note the time: while warming up, stillness is what was waited for."""
        if self._rest is None and self._moved and now_s - self._moved_s > STILL_S:
            rest = {code: float(round(at)) for code, at in self._pad.deflection.items()
                    if math.isfinite(at)}
            crooked = [code for code, at in self._pad.deflection.items()
                       if not abs(at - rest.get(code, math.inf)) <= NEAR]
            self._moved = False
            self.complaint = f'Axis {crooked[0]} is not at rest. Again.' if crooked else ''
            if not crooked and not self._pad.down:
                self._rest = rest

    def _look(self) -> None:
        assert self._rest is not None
        away = {code: at - self._rest[code] for code, at in self._pad.deflection.items()}
        now = {(code, '') for code in self._pad.down} | {
            (code, '+' if by > 0.0 else '-') for code, by in away.items() if abs(by) > FAR}
        self._pressed |= now
        if self._pressed and not now and all(abs(by) <= NEAR for by in away.values()):
            pressed, self._pressed = self._pressed, set()
            self.complaint = self._take(self._left[0], pressed)

    def _take(self, control: str, pressed: set[Press]) -> str:
        """Note what was pressed for a control; returns why not, or nothing."""
        stick = control in AXIS_CONTROLS
        keys = {press for press in pressed if not press[1]}
        found = pressed - keys if stick else keys or pressed  # a trigger may be both
        if len(found) != 1:
            return 'One at a time, and nothing else.' if found else 'That is a button, no stick.'
        [press] = found
        taken = [other for other, one in self._found.items() if one == press or (
            one[0] == press[0] and one[1] and press[1] and (stick or other in AXIS_CONTROLS))]
        if taken:
            return f'That is {taken[0]} already.'
        if stick and self._rest is not None and self._rest[press[0]] != 0.0:
            return 'That is a trigger, no stick.'
        if stick and press[1] == '-':
            return 'That stick counts the other way round, or was pushed so: not possible.'
        self._found[control] = press
        del self._left[0]
        return ''

    def layout(self, name: str) -> str:
        """
        Return the file of the layout, YAML.

        :param name: of the layout.
        :raises ValueError: not everything was asked yet.
        """
        if self._rest is None or not self.done:
            raise ValueError('the lesson is not over')
        facts = replace(self._pad.facts, values={})
        axes = {f'axis_{code}': code for code in axis_order(facts)}
        keys = {f'button_{code}': code for code in key_order(facts)}
        bus = next((bus for bus, number in BUSES.items() if number == facts.bus), '')
        rests = {name: self._rest[code] for name, code in axes.items() if self._rest[code]}
        lines = [f'# {name}: {facts.text}, taught by pressing each control once.',
                 '# axes, buttons: NAME -> index in sensor_msgs/Joy, in the order of the package '
                 '`joy`.',
                 f'axes: {_flow({key: i for i, key in enumerate(axes)})}',
                 f'buttons: {_flow({key: i for i, key in enumerate(keys)})}',
                 'device:', f'  joy: {_flow({"axes": len(axes), "buttons": len(keys)})}',
                 f'  rest: {_flow(rests)}', 'deadzone: 0.1', 'mapping:']
        for control in (*AXIS_CONTROLS, *BUTTON_CONTROLS):
            code, sign = self._found[control]
            kind = 'axis' if sign else 'button'
            half = sign if control in BUTTON_CONTROLS else ''
            lines.append(f'  {control}: {half}{kind}_{code}')
        lines += ['evdev:', f'  device_names: {json.dumps([facts.name.lower()])}',
                  f'  ids: {json.dumps([facts.id] if facts.id else [])}',
                  f'  buses: {json.dumps([bus] if bus else [])}',
                  f'  axes: {_flow(axes)}', f'  buttons: {_flow(keys)}']
        return '\n'.join(lines) + '\n'


def _flow(values: dict[str, int] | dict[str, float]) -> str:
    return '{' + ', '.join(f'{key}: {value}' for key, value in values.items()) + '}'
