"""What one machine is like, in numbers: its drive, sensors, clock. No behaviour, no files."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np


def trait(perfect: float, low: float, high: float) -> Any:
    """Return a field whose default is a perfect machine's value, with the bounds of a profile."""
    return field(default=perfect, metadata={'bounds': (low, high)})


@dataclass(frozen=True)
class Body:
    """What is on the drawing of the machine, and what its driver believes."""

    radius_m: float = 0.16
    """Of the round body; what comes closer is bumped into"""
    track_m: float = 0.24
    """Between the wheels"""
    wheel_radius_m: float = 0.033


@dataclass(frozen=True)
class DriveTraits:
    """Two motors under speed control, what they stand on and what they are fed by."""

    latency_s: float = trait(0.0, 0.0, 1.0)
    """From the arrival of a command to the motors' first answer, at least"""
    jitter_s: float = trait(0.0, 0.0, 0.5)
    """Mean of what comes on top, exponentially distributed; commands never overtake another"""
    timeout_s: float = trait(0.5, 0.05, 60.0)
    """Without a newer command for so long the base stops by itself"""
    lag_s: float = trait(0.05, 0.005, 2.0)
    """Time constant of the speed when both wheels do the same"""
    turn_lag_s: float = trait(0.05, 0.005, 2.0)
    """The same when they do the opposite: the body is turned, not moved"""
    lag_difference_ratio: float = trait(0.0, -0.5, 0.5)
    """The right motor is so much stronger than the mean, the left one so much weaker"""
    gain_ratio: float = trait(1.0, 0.2, 2.0)
    """Wheel speed that comes per wheel speed asked for; encoders see it"""
    gain_difference_ratio: float = trait(0.0, -0.5, 0.5)
    """Right minus left, over their mean"""
    radius_ratio: float = trait(1.0, 0.5, 1.5)
    """Wheels as they are over wheels as drawn: tyre wear; encoders do not see it"""
    radius_difference_ratio: float = trait(0.0, -0.2, 0.2)
    """Right minus left, over their mean"""
    track_ratio: float = trait(1.0, 0.5, 2.0)
    """Track that turns count with over that of the drawing: above 1 where wheels scrub"""
    dead_zone_mps: float = trait(0.0, 0.0, 0.5)
    """The base's controller takes forward commands below it for zero"""
    turn_dead_zone_radps: float = trait(0.0, 0.0, 2.0)
    """The same of turn commands"""
    wheel_dead_zone_mps: float = trait(0.0, 0.0, 0.2)
    """A motor asked for less stands still: friction in its gears"""
    slip_ratio: float = trait(0.0, 0.0, 0.5)
    """Part of every turn of a wheel that the ground does not see, always"""
    slips_per_s: float = trait(0.0, 0.0, 10.0)
    """How often one of the wheels loses its grip for a moment"""
    slip_s: float = trait(0.3, 0.01, 5.0)
    """How long that lasts"""
    slip_loss_ratio: float = trait(0.0, 0.0, 1.0)
    """Part of that wheel's motion that is lost while it lasts"""
    battery_sag_per_s: float = trait(0.0, 0.0, 0.01)
    """Part of both gains that is lost per second since the start"""


@dataclass(frozen=True)
class OdometryTraits:
    """Odometry and joint states, from the wheels' encoders."""

    rate_hz: float = trait(50.0, 1.0, 200.0)
    age_s: float = trait(0.0, 0.0, 0.5)
    """How old a measurement is when it gets its stamp"""
    transit_s: float = trait(0.0, 0.0, 1.0)
    """From the stamp to the subscriber, at least"""
    jitter_s: float = trait(0.0, 0.0, 0.5)
    """Mean of what comes on top, exponentially distributed; in order"""
    loss_ratio: float = trait(0.0, 0.0, 0.9)
    """Messages that never arrive"""
    noise_mps: float = trait(0.0, 0.0, 1.0)
    """Standard deviation of the forward speed in a message"""
    noise_radps: float = trait(0.0, 0.0, 3.0)
    """The same of the turn rate"""


@dataclass(frozen=True)
class LidarTraits:
    """A turning 2D lidar; a scan is taken at one instant."""

    rate_hz: float = trait(10.0, 1.0, 100.0)
    beams: float = trait(36.0, 4.0, 3600.0)
    """Rounded to a whole number"""
    range_min_m: float = trait(0.1, 0.0, 1.0)
    range_max_m: float = trait(8.0, 0.5, 100.0)
    age_s: float = trait(0.0, 0.0, 0.5)
    transit_s: float = trait(0.0, 0.0, 1.0)
    jitter_s: float = trait(0.0, 0.0, 0.5)
    loss_ratio: float = trait(0.0, 0.0, 0.9)
    noise_m: float = trait(0.0, 0.0, 0.5)
    """Standard deviation of a range"""
    missing_ratio: float = trait(0.0, 0.0, 0.9)
    """Beams without a return though something is there: inf, as drivers write it"""
    mount_x_m: float = trait(0.0, -0.5, 0.5)
    """Where it sits, in the base; nobody is told"""
    mount_y_m: float = trait(0.0, -0.5, 0.5)
    mount_yaw_rad: float = trait(0.0, -0.5, 0.5)


@dataclass(frozen=True)
class LinkTraits:
    """The network between the machine and everybody else."""

    gaps_per_min: float = trait(0.0, 0.0, 60.0)
    """How often it is gone for a moment; what is measured then is lost"""
    gap_s: float = trait(0.3, 0.01, 10.0)
    """How long"""


@dataclass(frozen=True)
class ClockTraits:
    """The clock that the machine stamps with."""

    offset_s: float = trait(0.0, -1.0, 1.0)
    """Ahead of everybody else's by this at the start"""
    drift_ppm: float = trait(0.0, -500.0, 500.0)
    """Gains so many microseconds per second"""


@dataclass(frozen=True)
class Traits:
    """One machine; without arguments a perfect one."""

    drive: DriveTraits = DriveTraits()
    odometry: OdometryTraits = OdometryTraits()
    lidar: LidarTraits = LidarTraits()
    link: LinkTraits = LinkTraits()
    clock: ClockTraits = ClockTraits()


PARTS: dict[str, Any] = {'drive': DriveTraits, 'odometry': OdometryTraits, 'lidar': LidarTraits,
                         'link': LinkTraits, 'clock': ClockTraits}
"""Part of ``Traits`` -> its class, in the order in which values are drawn"""


@dataclass(frozen=True)
class EmulatorProfile:
    """Machines of one make: a body, and each trait within an interval."""

    name: str
    body: Body
    intervals: dict[tuple[str, str], tuple[float, float]]
    """(part, trait) -> lowest and highest; those that are not there are perfect"""

    def draw(self, rng: np.random.Generator) -> Traits:
        """Return a machine drawn uniformly from the intervals, in the order of ``PARTS``."""
        parts = {}
        for part, kind in PARTS.items():
            parts[part] = kind(**{
                item.name: float(rng.uniform(*self.intervals[part, item.name]))
                for item in fields(kind) if (part, item.name) in self.intervals})
        return Traits(**parts)

    def machine(self, seed: int) -> Traits:
        """Return the machine of a seed, the same in the environment and in the node."""
        # A key of its own: the same seed makes worlds, and those draws must not go along.
        return self.draw(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,))))
