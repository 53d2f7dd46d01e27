"""What drives the robot off its way: veering, from the episode's random generator."""

from dataclasses import dataclass

import numpy as np

from ilw_core.contract.schema import Section


@dataclass(frozen=True)
class VeerOptions:
    """
    How the ground throws the robot off; keys of a contract's ``scene``.

    Wheels measure it, so odometry knows; the command does not. A demonstrator must correct it, so
    that demonstrations hold recoveries, labelled with what the demonstrator meant.
    """

    veer_chance: float = 0.0
    """Probability per tick that one begins"""
    veer_turn_radps: float = 0.0
    """Largest turn rate it adds"""
    veer_s: tuple[float, float] = (0.2, 0.8)
    """Shortest and longest"""

    @classmethod
    def take(cls, section: Section) -> 'VeerOptions':
        """Take the keys from a contract's scene."""
        span = section.numbers('veer_s', 2) if section.has('veer_s') else cls.veer_s
        return cls(section.number('veer_chance', cls.veer_chance, low=0.0, high=1.0),
                   section.number('veer_turn_radps', cls.veer_turn_radps, low=0.0), span)


class Veer:
    """
    The veering of one episode; call ``next`` once per tick.

    :param largest: speed that it adds, in each of ``axes`` directions.
    """

    def __init__(self, chance: float, span_s: tuple[float, float], largest: float,
                 rng: np.random.Generator, period_s: float, axes: int = 1) -> None:
        self._chance, self._span_s, self._largest = chance, span_s, largest
        self._rng, self._period_s = rng, period_s
        self._ticks, self._speed = 0, np.zeros(axes)

    def next(self) -> np.ndarray:
        """Return the speed added in this tick, ``(axes,)``."""
        if self._ticks == 0 and self._rng.random() < self._chance:
            self._ticks = round(self._rng.uniform(*self._span_s) / self._period_s)
            self._speed = self._rng.uniform(-1, 1, len(self._speed)) * self._largest
        if self._ticks == 0:
            return np.zeros_like(self._speed)
        self._ticks -= 1
        return self._speed
