"""How noisy a sensor is, by itself: what changes from one message to the next with no cause."""

from dataclasses import dataclass

import numpy as np

from ilw_core.scores.statistics import Z95
from ilw_sysid.identify.drive import Scans

_STILL_S = 0.5
_SMALL_RAD = 0.035
"""Beams closer than 2 degrees see walls as lines"""


@dataclass(frozen=True)
class Noise:
    """A standard deviation and its 95 % interval."""

    value: float
    low: float
    high: float
    how: str


def odometry_noise(residuals: np.ndarray, model: np.ndarray) -> Noise:
    """
    Return the white part of residuals, of one axis: slow errors of the model do not count.

    :param residuals: ``(M,)`` odometry less model.
    :param model: ``(M,)`` the model's speed; where it changes fast, its own error would count.
    """
    bend = residuals[:-2] - 2.0 * residuals[1:-1] + residuals[2:]
    change = np.abs(model[2:] - model[:-2])
    calm = change <= np.quantile(change, 0.6) if len(change) else np.zeros(0, dtype=bool)
    # Where encoders stand still they make no noise, so rest counts only if all is rest.
    moving = np.abs(model[1:-1]) > 0.02
    if np.sum(calm & moving) > 50:
        calm &= moving
    part = np.abs(bend[calm])
    if len(part) < 20:
        return Noise(0.0, 0.0, 0.0, 'too little calm driving to tell')
    part = part[part <= np.quantile(part, 0.99)]  # lost messages, bumps
    # The variance of a second difference is 6 s^2; cutting the last percent takes 7.5 % of it.
    value = float(np.sqrt(np.mean(part ** 2) / 6.0 / 0.925))
    half = 2.0 * Z95 / np.sqrt(2.0 * len(part))  # neighbours share samples: twice as wide
    return Noise(value, max(0.0, value * (1.0 - half)), value * (1.0 + half),
                 'second differences of the residuals')


def lidar_noise(scans: Scans, still_s: np.ndarray) -> Noise | None:
    """
    Return the noise of one range; ``None`` if nothing shows it.

    :param still_s: (K, 2) begin and end of each time the base stood still.
    """
    seen = np.zeros(len(scans.stamps_s), dtype=np.int64) - 1
    for number, (begin_s, end_s) in enumerate(still_s):
        inside = (scans.stamps_s >= begin_s + _STILL_S) & (scans.stamps_s <= end_s)
        seen[inside] = number
    both = (seen[1:] == seen[:-1]) & (seen[1:] >= 0)
    if both.sum() >= 5:
        step = (scans.ranges_m[1:] - scans.ranges_m[:-1])[both]
        # A beam beside an edge jumps: the median over all beams does not mind.
        part = np.abs(step[np.isfinite(step)])
        return _of_median(part, 2.0, 'repeated beams while the base stood still')
    if abs(scans.increment_rad) > _SMALL_RAD:
        return None
    # On a straight wall 1/r goes as the cosine of the angle, so three neighbours fix its bend.
    near = 1.0 / scans.ranges_m
    turn = 2.0 * np.cos(scans.increment_rad)
    bend = (near[:, :-2] - turn * near[:, 1:-1] + near[:, 2:]) * scans.ranges_m[:, 1:-1] ** 2
    return _of_median(np.abs(bend[np.isfinite(bend)]), 2.0 + turn ** 2,
                      'neighbouring beams on walls; standing still for some seconds is surer')


def _of_median(part: np.ndarray, share: float, how: str) -> Noise | None:
    if len(part) < 100:
        return None
    value = 1.4826 * float(np.median(part)) / np.sqrt(share)
    # Beams are not all alike (material, angle): the interval allows a tenth.
    half = 0.1 + 1.4 * Z95 / np.sqrt(len(part))
    return Noise(value, value * max(0.0, 1.0 - half), value * (1.0 + half), how)
