"""A terminal's keyboard as a joystick. No ROS, no terminal, no clock."""

from ilw_teleop.joystick import Joystick

HELP = """\
  w / up      forward          b  begin an episode
  s / down    backward         y  save it: success
  a / left    turn left        n  save it: failure
  d / right   turn right       r  throw it away
  q, e        forward, turning m  arm the policy
  space       stop             k  disarm it
  x           emergency stop   u  release the emergency stop
  +, -        reward: that was good, that was bad
  Capital letters drive with turbo. Letting go of the keys stops the robot. Ctrl-C ends.
"""
MOVES = {'w': (1.0, 0.0), 's': (-1.0, 0.0), 'a': (0.0, 1.0), 'd': (0.0, -1.0),
         'q': (1.0, 1.0), 'e': (1.0, -1.0)}
"""Key -> (forward, turn) deflection"""
ARROWS = {'\x1b[A': 'w', '\x1b[B': 's', '\x1b[D': 'a', '\x1b[C': 'd',
          '\x1bOA': 'w', '\x1bOB': 's', '\x1bOD': 'a', '\x1bOC': 'd'}
BUTTONS = {'b': 'start', 'y': 'save_success', 'n': 'save_failure', 'r': 'discard',
           'x': 'estop', 'u': 'reset', 'm': 'arm', 'k': 'disarm',
           '+': 'reward_plus', '-': 'reward_minus'}
FIRST_HOLD_NS = 600_000_000  # a terminal repeats a key only after up to 0.5 s
REPEAT_HOLD_NS = 200_000_000  # then every 30-100 ms
PRESS_NS = 120_000_000  # a button stays down long enough to be seen at 20 Hz


class Keyboard:
    """
    Turns characters into axes and buttons. A terminal tells when a key repeats, never when it is
    let go: a movement lasts until the repeats fail to come.
    """

    def __init__(self, joystick: Joystick) -> None:
        self._joystick = joystick
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

    def _press(self, key: str, now_ns: int) -> None:
        lower = key.lower()
        if lower in MOVES:
            repeated = self._move is not None and key == self._key
            self._key, self._turbo, self._move = key, key != lower, MOVES[lower]
            hold_ns = REPEAT_HOLD_NS if repeated else FIRST_HOLD_NS
            self._until_ns = max(now_ns + hold_ns, self._until_ns if repeated else 0)
        elif lower in BUTTONS:
            self._pressed_until_ns[BUTTONS[lower]] = now_ns + PRESS_NS
        else:  # space, and whatever else a startled hand hits
            self._move = None


def _keys(text: str) -> list[str]:
    keys, i = [], 0
    while i < len(text):
        arrow = ARROWS.get(text[i:i + 3])
        keys.append(arrow or text[i])
        i += 3 if arrow else 1
    return keys
