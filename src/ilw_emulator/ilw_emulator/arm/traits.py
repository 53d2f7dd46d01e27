"""What one emulated arm is like, in numbers, and the profiles that they are drawn from."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.storage.locate import config_file
from ilw_emulator.traits import trait


@dataclass(frozen=True)
class ArmTraits:
    """One arm; without arguments a perfect one."""

    latency_s: float = trait(0.0, 0.0, 1.0)
    """From the arrival of a command to the joints' first answer, at least"""
    jitter_s: float = trait(0.0, 0.0, 0.5)
    """Mean of what comes on top, exponentially distributed; commands never overtake another"""
    lag_s: float = trait(0.0, 0.0, 2.0)
    """Time constant of a joint's speed, on average"""
    lag_difference_ratio: float = trait(0.0, -0.9, 0.9)
    """Of a joint, from the mean; drawn for each"""
    gain_ratio: float = trait(1.0, 0.2, 2.0)
    """Speed that a joint has per speed asked of it, on average"""
    gain_difference_ratio: float = trait(0.0, -0.5, 0.5)
    """Of a joint, from the mean; drawn for each"""
    joint_noise_rad: float = trait(0.0, 0.0, 0.2)
    """Standard deviation of a joint's position in a message"""
    place_noise_m: float = trait(0.0, 0.0, 0.05)
    """The same of each coordinate of the tool's pose"""
    thing_noise_m: float = trait(0.0, 0.0, 0.05)
    """The same of a thing's pose, as a detector tells it"""
    thing_age_ticks: float = trait(0.0, 0.0, 10.0)
    """How old a detected pose is; rounded"""


@dataclass(frozen=True)
class ArmEmulatorProfile:
    """Arms of one make: each trait within an interval."""

    name: str
    intervals: dict[str, tuple[float, float]]

    def machine(self, seed: int, joints: int) -> tuple[ArmTraits, np.ndarray, np.ndarray]:
        """
        Return the arm of a seed, the same wherever it is asked for.

        :returns: traits, and per joint its gain and its lag [s], ``(J,)`` each; the traits' own
            differences are those of the first.
        """
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
        drawn: dict[str, Any] = {item.name: rng.uniform(*self.intervals[item.name], joints)
                                 for item in fields(ArmTraits)}
        traits = ArmTraits(**{name: float(values[0]) for name, values in drawn.items()})
        return (traits, traits.gain_ratio * (1.0 + drawn['gain_difference_ratio']),
                traits.lag_s * (1.0 + drawn['lag_difference_ratio']))


def load_arm_emulator(profile: str | Path) -> ArmEmulatorProfile:
    """
    Read a profile: each trait a number, or the two ends of an interval.

    :param profile: a name in ``config/emulated_arms``, or a path.
    :raises IlwError: there is none, a trait is missing, unknown or out of bounds.
    """
    path = config_file('emulated_arms', str(profile))
    root = Section(read_yaml(path, 'a profile of an emulated arm'), str(path))
    name = root.text('emulated_arm')
    intervals = {item.name: root.interval(item.name, *item.metadata['bounds'])
                 for item in fields(ArmTraits)}
    root.done()
    return ArmEmulatorProfile(name, intervals)
