"""How a simulated base answers commands: a plant in each physics step. No PyBullet."""

from collections import deque
import math
from pathlib import Path
from typing import Generic, TypeVar

from ilw_core.base.plant import Plant, PlantProfile, load_plant
from ilw_core.storage.locate import config_file

PHYSICS_HZ = 240
RIM_ACCELERATION_MPS2 = 3.0
"""Of a wheel's rim: a motor controller ramps, else the tyres slip"""

Twist = tuple[float, float]
"""Forward speed [m/s] and turn rate [rad/s]"""
T = TypeVar('T')


def find_plant(plant: str | Path | PlantProfile | None) -> PlantProfile | None:
    """
    Return the profile of a name in ``config/plants``, a path or an object; none for none.

    :raises IlwError: there is no such profile, or it is broken.
    """
    if isinstance(plant, PlantProfile):
        return plant
    return load_plant(config_file('plants', str(plant))) if plant else None


def has_ramp(profile: PlantProfile | None) -> bool:
    """Tell whether a profile says how fast the base speeds up, so that the simulator need not."""
    named = profile.intervals if profile else {}
    return 'acceleration_mps2' in named or 'turn_acceleration_radps2' in named


class ActuatedBase:
    """
    One base during one episode: a command per tick in, a twist per physics step out.

    Delays are rounded to physics steps; the lag is exact for targets that hold for a step.

    :param steps: physics steps per tick.
    :param rest: the command before the first.
    """

    def __init__(self, plant: Plant, timestep_s: float, steps: int, rest: Twist) -> None:
        self._plant, self._steps = plant, steps
        ticks, self._phase = divmod(round(plant.delay_s / timestep_s), steps)
        self._under_way = deque([self._target(*rest)] * (ticks + 2), maxlen=ticks + 2)
        self._forward = ActuatedAxis(plant.acceleration_mps2, plant.lag_s, timestep_s)
        self._turn = ActuatedAxis(plant.turn_acceleration_radps2, plant.turn_lag_s, timestep_s)

    def answer(self, forward_mps: float, turn_radps: float) -> list[Twist]:
        """Return the twist of each physics step of a tick that begins with this command."""
        self._under_way.append(self._target(forward_mps, turn_radps))
        before, after = self._under_way[0], self._under_way[1]
        wanted = (before if k < self._phase else after for k in range(self._steps))
        return [(self._forward.towards(forward), self._turn.towards(turn))
                for forward, turn in wanted]

    def _target(self, forward_mps: float, turn_radps: float) -> Twist:
        """Return the twist that a command leads to in the end."""
        p = self._plant
        forward = 0.0 if abs(forward_mps) < p.dead_zone_mps else p.gain * forward_mps
        turn = 0.0 if abs(turn_radps) < p.turn_dead_zone_radps else p.turn_gain * turn_radps
        return forward, turn + p.pull_radpm * forward


class ActuatedAxis:
    """One speed of a base, at rest at first: a setpoint that ramps, a motion that lags behind."""

    def __init__(self, acceleration: float, lag_s: float, timestep_s: float) -> None:
        self._most = acceleration * timestep_s
        self._decay, self._mean = lag_factors(lag_s, timestep_s)
        self._asked, self._value = 0.0, 0.0

    def towards(self, target: float) -> float:
        """Follow a target for one time step; return the mean speed meanwhile."""
        gap = target - self._asked
        if abs(gap) > self._most:
            ramp = math.copysign(self._most, gap)
            self._asked += ramp
            target = self._asked - 0.5 * ramp  # its mean in this step
        else:
            self._asked = target
        gap = self._value - target
        self._value = target + gap * self._decay
        return target + gap * self._mean


def lag_factors(lag_s: float, timestep_s: float) -> tuple[float, float]:
    """Return which part of a gap is left after a time step, and on average during it."""
    if lag_s <= 0.0:
        return 0.0, 0.0
    decay = math.exp(-timestep_s / lag_s)
    return decay, (1.0 - decay) * lag_s / timestep_s


class Past(Generic[T]):
    """
    What was true some physics steps before the end of each tick.

    :param delay_s: rounded to physics steps.
    :param first: what was true before the first tick.
    """

    def __init__(self, delay_s: float, timestep_s: float, steps: int, first: T) -> None:
        ticks, steps_back = divmod(round(delay_s / timestep_s), steps)
        self.at = steps - steps_back
        """Physics steps into a tick after which to call ``keep``"""
        self._kept = deque([first] * (ticks + 1), maxlen=ticks + 1)

    def keep(self, value: T) -> None:
        """Remember what is true now."""
        self._kept.append(value)

    def read(self) -> T:
        """Return what was true then; call it at the end of a tick."""
        return self._kept[0]
