"""Two motors coupled by the body they drive: wheel speeds over time, in closed form."""

import math

import numpy as np


class Motors:
    """
    First-order wheels on one axle.

    A motor pulls in proportion to what its wheel is short of: K (u - s). The body's mass couples
    the wheels: M s' = K (u - s), with M such that both wheels alike answer within ``lag_s`` and
    opposite ones within ``turn_lag_s``. Speeds are those of the rims [m/s], (left, right).

    :param difference_ratio: the right motor is so much stronger, the left one so much weaker.
    """

    def __init__(self, lag_s: float, turn_lag_s: float, difference_ratio: float) -> None:
        alike, opposite = 1.0 / lag_s, 1.0 / turn_lag_s
        coupling = 0.5 * np.array([[alike + opposite, alike - opposite],
                                   [alike - opposite, alike + opposite]])
        rates, modes = np.linalg.eig(coupling @ np.diag([1.0 - difference_ratio,
                                                         1.0 + difference_ratio]))
        self._rates: list[float] = rates.real.tolist()  # K and M are positive: never complex
        self._modes, self._back = modes.real, np.linalg.inv(modes.real)
        self._matrices: dict[float, tuple[float, ...]] = {}
        self.speeds = (0.0, 0.0)

    def run(self, wanted: tuple[float, float], elapsed_s: float) -> tuple[float, float]:
        """Let the motors follow constant ``wanted`` speeds; return how far each rim came [m]."""
        a, b, c, d, e, f, g, h = self._matrices.get(elapsed_s) or self._solve(elapsed_s)
        left, right = self.speeds[0] - wanted[0], self.speeds[1] - wanted[1]
        self.speeds = (wanted[0] + a * left + b * right, wanted[1] + c * left + d * right)
        return (wanted[0] * elapsed_s + e * left + f * right,
                wanted[1] * elapsed_s + g * left + h * right)

    def _solve(self, elapsed_s: float) -> tuple[float, ...]:
        """Return what is left of a gap in speed after a time, and the way it has added up to."""
        left = [math.exp(-rate * elapsed_s) for rate in self._rates]
        way = [(1.0 - part) / rate for part, rate in zip(left, self._rates, strict=True)]
        solved = tuple(v for factors in (left, way) for v in
                       (self._modes @ np.diag(factors) @ self._back).ravel().tolist())
        if len(self._matrices) < 1000:  # most steps last as long as one before
            self._matrices[elapsed_s] = solved
        return solved
