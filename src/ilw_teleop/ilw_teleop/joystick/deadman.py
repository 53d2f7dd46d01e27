"""A person drives only while a button is held and the joystick is heard."""


class Deadman:
    """
    Tells whether a person may move the robot.

    :param timeout_ns: a joystick that is silent for longer counts as released.
    """

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._held = False
        self._heard_ns: int | None = None

    def sample(self, now_ns: int, held: bool) -> None:
        """Take in the state of the button."""
        self._held = held
        self._heard_ns = now_ns

    def leap(self, now_ns: int) -> None:
        """Go on at another time, as after a reset of the simulator: it was no silence."""
        if self._heard_ns is not None:
            self._heard_ns = now_ns

    def fresh(self, now_ns: int) -> bool:
        """Tell whether the joystick was heard lately; a clock that jumped back means no."""
        return self._heard_ns is not None and 0 <= now_ns - self._heard_ns <= self._timeout_ns

    def may_move(self, now_ns: int) -> bool:
        """Tell whether the button is held on a joystick that is heard."""
        return self._held and self.fresh(now_ns)
