"""What kind of driving a bag holds, and which driving would show what it does not."""

from dataclasses import dataclass

import numpy as np

from ilw_sysid.identify.drive import Drive

_AXES = (('forward', 0), ('turn', 1))
_MOVING = (0.02, 0.05)
"""Above it an axis moves [m/s, rad/s]"""
_MEAN = 15


@dataclass(frozen=True)
class Excitation:
    """Figures of a drive, as far as they decide what can be known from it."""

    length_s: float
    moving_s: float
    """With either axis in motion"""
    distance_m: float
    steps: tuple[int, int]
    """Changes of the command of each axis by more than a tenth of its largest"""
    largest: tuple[float, float]
    """Command of each axis [m/s, rad/s]"""
    backward_s: float
    odom_hz: float
    command_hz: float


def excitation(drive: Drive) -> Excitation:
    """Return the figures of a drive."""
    size = np.abs(drive.commands).max(axis=0, initial=0.0)
    change = np.abs(np.diff(drive.commands, axis=0))
    steps = [int(np.sum(change[:, axis] > 0.1 * max(size[axis], 1e-6))) for _, axis in _AXES]
    period_s = float(np.median(np.diff(drive.odom_s)))
    moving = (np.abs(drive.speeds) > _MOVING).any(axis=1)
    gaps_s = np.diff(drive.command_s)
    gaps_s = gaps_s[gaps_s > 1e-4]
    way = np.minimum(np.diff(drive.odom_s), 1.0) * np.abs(drive.speeds[1:, 0])
    return Excitation(
        length_s=float(drive.odom_s[-1] - drive.odom_s[0]),
        moving_s=float(moving.sum() * period_s),
        distance_m=float(way.sum()), steps=(steps[0], steps[1]),
        largest=(float(size[0]), float(size[1])),
        backward_s=float(np.sum(drive.speeds[:, 0] < -_MOVING[0]) * period_s),
        odom_hz=1.0 / period_s,
        command_hz=1.0 / float(np.median(gaps_s)) if len(gaps_s) else 0.0)


def still_spans(drive: Drive, least_s: float = 1.0) -> np.ndarray:
    """Return begin and end of each time that the base stood still for so long, ``(K, 2)``."""
    # The mean of some samples: noise of odometry is no motion.
    mean = np.stack([np.convolve(drive.speeds[:, axis], np.full(_MEAN, 1.0 / _MEAN), 'same')
                     for axis in (0, 1)], axis=1)
    still = (np.abs(mean) < (0.005, 0.01)).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], still.astype(np.int8), [0]])))
    spans = np.stack([drive.odom_s[edges[::2]], drive.odom_s[edges[1::2] - 1]], axis=1)
    return spans[spans[:, 1] - spans[:, 0] >= least_s]


DRIVING = {
    'delay_s': 'Start and stop both axes sharply, 20 times or more.',
    'lag_s': 'Start and stop driving straight sharply, 20 times or more.',
    'turn_lag_s': 'Start and stop turning sharply, both ways, 20 times or more.',
    'gain': 'Drive straight at several steady speeds, some seconds each.',
    'turn_gain': 'Turn at several steady rates, both ways, some seconds each.',
    'pull_radpm': 'Drive straight for 10 m or more, with no turn commanded.',
    'dead_zone_mps': 'Push the stick forward very slowly from the middle, again and again.',
    'turn_dead_zone_radps': 'Turn the stick very slowly out of the middle, again and again.',
    'scan_delay_s': 'Turn on the spot, to and fro, for 10 s, with walls in sight.',
    'lidar_noise_m': 'Let the robot stand still for 5 s while it records.',
    'odom_noise_mps': 'Drive straight at a steady speed for 10 s.',
    'odom_noise_radps': 'Turn at a steady rate for 10 s.',
}
"""Number of a plant -> the driving that shows it"""
