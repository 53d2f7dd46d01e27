"""A terminal's keyboard as a joystick."""

from collections.abc import Mapping

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import FORWARD, TURN
from ilw_teleop.joystick.layout import Joystick
from ilw_teleop.joystick.mapping import StickMapping

MOVES = {'w': (1.0, 0.0), 's': (-1.0, 0.0), 'a': (0.0, 1.0), 'd': (0.0, -1.0),
         'q': (1.0, 1.0), 'e': (1.0, -1.0)}
"""Key -> (forward, turn) deflection"""
_STICKS = (('forward', 'left_stick_y'), ('turn', 'right_stick_x'))
"""What the two are called in a contract: the layouts' usual sticks"""
ARROWS = {'\x1b[A': 'w', '\x1b[B': 's', '\x1b[D': 'a', '\x1b[C': 'd',
          '\x1bOA': 'w', '\x1bOB': 's', '\x1bOD': 'a', '\x1bOC': 'd'}
BUTTONS = {'b': 'start', 'y': 'save_success', 'n': 'save_failure', 'r': 'discard',
           'x': 'estop', 'u': 'reset', 'm': 'arm', 'k': 'disarm',
           '+': 'reward_plus', '-': 'reward_minus'}
TEXTS = {'b': 'begin an episode', 'y': 'save it: success', 'n': 'save it: failure',
         'r': 'throw it away', 'x': 'EMERGENCY STOP', 'u': 'release the emergency stop',
         'm': 'arm the policy', 'k': 'disarm it', '+': 'reward: that was good',
         '-': 'reward: that was bad'}
"""What the key of each button does, as a person is told"""
HELP_KEY = 'h'
ESTOP_KEY = 'x'
ARROW_NAMES = {'w': 'up', 's': 'down', 'a': 'left', 'd': 'right'}
SHOWN_NS = 2_000_000_000
"""So long a press is answered on the screen"""
FIRST_HOLD_NS = 600_000_000  # a terminal repeats a key only after up to 0.5 s
REPEAT_HOLD_NS = 200_000_000  # then every 30-100 ms
REST_NS = 500_000_000  # several messages of a keyboard at rest
PRESS_NS = 120_000_000  # a button stays down long enough to be seen at 20 Hz


def moves_of(contract: Contract) -> dict[str, str]:
    """Return movement key -> what a robot of this contract does; empty: it stands."""
    return {key: _motion(contract, *_begun(contract, deflection))
            for key, deflection in MOVES.items()}


def _begun(contract: Contract, deflection: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the action that a key asks for after a moment, and the one at rest."""
    mapping = StickMapping(contract.action, contract.stick, deadzone=0.0)
    controls = {name: value for names, value in zip(_STICKS, deflection, strict=True)
                for name in names}
    wanted = mapping.rest
    for at_ns in (0, REST_NS):
        wanted = mapping.action(controls, turbo=False, now_ns=at_ns, applied=mapping.rest)
    return wanted, mapping.rest


def help_of(contract: Contract) -> str:
    """Return the keys that this contract has a use for, a line each."""
    moves: dict[str, str] = {}
    for key, text in moves_of(contract).items():
        if text and text not in moves.values():  # the first key of several that do the same
            moves[key] = text
    lines = [f'  {_name(key):<11} {text}' for key, text in moves.items()]
    lines += [f'  {"space":<11} stop', *(f'  {key:<11} {text}' for key, text in TEXTS.items()),
              f'  {HELP_KEY:<11} show these keys',
              '  Letting go of the keys stops the robot; Ctrl-C ends.']
    if not contract.action.discrete:
        lines.append('  Capital letters drive with turbo.')
    return '\n'.join(lines)


def _name(key: str) -> str:
    return f'{key} / {ARROW_NAMES[key]}' if key in ARROW_NAMES else key


def _motion(contract: Contract, action: np.ndarray, rest: np.ndarray) -> str:
    """Return an action in words: of a base that drives and turns, else by its fields."""
    if np.allclose(action, rest):
        return ''
    for name, named in contract.action.discrete.items():
        if np.allclose(named, action):
            return name
    words = []
    named = zip(contract.action.names, contract.action.paths, action, rest, strict=True)
    for field, path, value, zero in named:
        more = value > zero
        if np.isclose(value, zero):
            continue
        if path.endswith(FORWARD):
            words.append('forward' if more else 'backward')
        elif path.endswith(TURN):
            words.append('turn left' if more else 'turn right')
        else:
            words.append(f'{field} {"up" if more else "down"}')
    return ', '.join(words)


class Keyboard:
    """
    Turns characters into axes and buttons. A terminal tells when a key repeats, never when it is
    let go: a movement lasts until the repeats fail to come.

    :param moves: what each movement key does, as ``moves_of`` returns it, for ``answer``.
    """

    def __init__(self, joystick: Joystick, moves: Mapping[str, str] | None = None) -> None:
        self._joystick = joystick
        self._moves = moves or {}
        self._answer, self._answered_ns = '', 0
        self._move: tuple[float, float] | None = None
        self._key, self._turbo = '', False
        self._until_ns = 0
        self._pressed_until_ns: dict[str, int] = {}

    def type(self, text: str, now_ns: int) -> None:
        """Take in what was typed; escape sequences of arrow keys included."""
        for key in _keys(text):
            self._press(key, now_ns)

    def state(self, now_ns: int) -> tuple[list[float], list[int]]:
        """Return axes and buttons as a pad of the layout sends them."""
        axes, buttons = self._joystick.at_rest()
        if self._move is not None and now_ns >= self._until_ns:
            self._move = None
        if self._move is not None:
            axes[self._joystick.axis('forward')], axes[self._joystick.axis('turn')] = self._move
            self._joystick.press('deadman', axes, buttons)
            if self._turbo:
                self._joystick.press('turbo', axes, buttons)
        for control, until_ns in self._pressed_until_ns.items():
            if now_ns < until_ns:
                self._joystick.press(control, axes, buttons)
        return axes, buttons

    def answer(self, now_ns: int) -> str:
        """Return what the key pressed last does, for a while; then nothing."""
        return self._answer if now_ns - self._answered_ns < SHOWN_NS else ''

    def _say(self, key: str, lower: str) -> str:
        if lower in MOVES:
            text = self._moves.get(lower, '') or 'stands, this robot has no such motion'
            return f'{_name(lower)}: {text}{", turbo" if key != lower else ""}'
        if lower == HELP_KEY:
            return 'h: all keys, above'
        if lower in BUTTONS:
            return f'{lower}: {TEXTS[lower]}'
        name = 'space' if key == ' ' else key if key.isprintable() else 'that key'
        return f'{name}: stop' if key == ' ' else f'{name}: no key of these, stop; h shows them'

    def _press(self, key: str, now_ns: int) -> None:
        lower = key.lower()
        self._answer, self._answered_ns = self._say(key, lower), now_ns
        if lower in MOVES:
            repeated = self._move is not None and key == self._key
            self._key, self._turbo, self._move = key, key != lower, MOVES[lower]
            hold_ns = REPEAT_HOLD_NS if repeated else FIRST_HOLD_NS
            self._until_ns = max(now_ns + hold_ns, self._until_ns if repeated else 0)
        elif lower in BUTTONS:
            self._pressed_until_ns[BUTTONS[lower]] = now_ns + PRESS_NS
        else:  # space, and whatever else a startled hand hits
            self._move = None


class EarlyKeys:
    """
    Holds back buttons that are pressed before anybody listens; movements then are left out.

    Who has only just begun to listen takes what is down already for no press, so it is let see
    a keyboard at rest first.
    """

    def __init__(self) -> None:
        self._waiting = ''
        self._heard_ns: int | None = None

    def take(self, text: str, now_ns: int, *, heard: bool) -> str:
        """Return what of the text, and of what came before, is to be typed now."""
        if not heard:
            self._heard_ns = None
        elif self._heard_ns is None:
            self._heard_ns = now_ns
        if self._heard_ns is None or now_ns - self._heard_ns < REST_NS:
            # The emergency stop counts from whatever state, so it waits for nothing but ears.
            at_once = ESTOP_KEY if heard and ESTOP_KEY in text.lower() else ''
            self._waiting += ''.join(key for key in text if key.lower() in BUTTONS
                                     and not (at_once and key.lower() == ESTOP_KEY))
            return at_once
        waiting, self._waiting = self._waiting, ''
        return waiting + text


def _keys(text: str) -> list[str]:
    keys, i = [], 0
    while i < len(text):
        arrow = ARROWS.get(text[i:i + 3])
        keys.append(arrow or text[i])
        i += 3 if arrow else 1
    return keys
