"""
A plain model of what one scan shows: beam by beam, gap by gap, direction by direction.

Written from ``docs/explanation/safety.md``. Points are complex numbers in the robot's frame.
"""

import cmath
from dataclasses import dataclass
import math

from ilw_core.features.lidar import DISTANCE, FREE, NOTHING, TOO_NEAR

BRIDGED_RAD = 0.0876
"""5 degrees and what a step is rounded by"""
COARSE_RAD = 0.4
"""23 degrees: a lidar with a larger increment leaves gaps between all its beams"""
SLOT_RAD = math.radians(1.5)
"""Directions in which nobody looked are known to this, from the first beam on"""


@dataclass(frozen=True)
class Gap:
    """From one beam that says something to the next, which may be the same one."""

    left: int
    right: int
    beams: tuple[int, ...]
    """Those in between, which say nothing"""
    angle: float
    """In radians, in the direction in which the lidar counts"""
    bridged: bool


class SlowSurvey:
    """What is known around a robot, of a scan's ranges, kinds and geometry."""

    def __init__(self, ranges, kinds, geometry, spec, mount, radius):
        self.ranges, self.kinds, self.geometry, self.spec = ranges, kinds, geometry, spec
        self.radius, self.at = radius, complex(mount[0], mount[1])
        self.first_rad = float(mount[2] + geometry.angle_min)
        self.step = float(abs(geometry.increment))
        self.gaps = self._gaps()

    def toward(self, beam):
        """Return the direction in which a beam looks, as a point one metre away from it."""
        return cmath.exp(1j * (self.first_rad + self.geometry.increment * beam))

    def _gaps(self):
        count, gaps = len(self.kinds), []
        says = [i for i in range(count) if self.kinds[i] != NOTHING]
        for k, left in enumerate(says):
            last = k == len(says) - 1
            right = says[0] if last else says[k + 1]
            between, i = [], (left + 1) % count
            while i != right:
                between.append(i)
                i = (i + 1) % count
            angle = (right - left) * self.step + (2 * math.pi if last else 0.0)
            coarse = self.step > COARSE_RAD
            closes = last and not between and angle <= 2.5 * self.step  # one beam is left out
            bridged = not coarse and (
                closes or angle <= BRIDGED_RAD or angle <= 1.5 * self.step)
            gaps.append(Gap(left, right, tuple(between), angle, bridged))
        return gaps

    @property
    def hits(self):
        """Return where something was measured."""
        return [self.at + float(self.ranges[i]) * self.toward(i)
                for i in range(len(self.kinds)) if self.kinds[i] == DISTANCE]

    @property
    def bridges(self):
        """Return what is taken to close the gaps that are dropouts."""
        points = []
        for gap in self.gaps:
            ends = [i for i in (gap.left, gap.right) if self.kinds[i] == DISTANCE]
            if not gap.bridged or TOO_NEAR in self.kinds[[gap.left, gap.right]] or not ends:
                continue
            far = [float(self.ranges[i]) for i in (gap.left, gap.right)]
            for beam in gap.beams:
                if len(ends) == 2 and max(far) <= 1.5 * min(far):
                    left, right = (far[k] * self.toward(i)
                                   for k, i in enumerate((gap.left, gap.right)))
                    turned = ((beam - gap.left) * self.step) % (2 * math.pi)
                    point = 0.97 * (left + turned / gap.angle * (right - left))
                else:
                    point = 0.8 * min(float(self.ranges[i]) for i in ends) * self.toward(beam)
                points.append(self.at + point)
        return points

    @property
    def too_near(self):
        """Return the beams in which something is too near, or may be: dropouts beside it."""
        beams = {i for i in range(len(self.kinds)) if self.kinds[i] == TOO_NEAR}
        for gap in self.gaps:
            if gap.bridged and TOO_NEAR in self.kinds[[gap.left, gap.right]]:
                beams |= set(gap.beams)
        return beams

    def unseen_by(self, turned):
        """
        Return by how much a direction lies in a gap that is none of a dropout, negative outside.

        :param turned: from the first beam on, counterclockwise [rad].
        """
        if self.geometry.increment < 0.0:
            turned = -turned
        deepest = -math.inf
        for gap in self.gaps:
            past = (turned - gap.left * self.step) % (2 * math.pi)
            if not gap.bridged and past <= gap.angle:
                # A beam sees half of the way to the next, and no more than half a dropout.
                sees = min(0.5 * self.step, 0.5 * BRIDGED_RAD)
                deepest = max(deepest, min(past, gap.angle - past) - sees)
        return deepest

    def declared_blind(self, turned):
        """Tell whether the lidar is declared not to look in a direction; ``None``: at its edge."""
        if self.spec.sees_rad is None:
            return False
        first, last = self.spec.sees_rad
        inside = (turned + self.geometry.angle_min - first) % (2 * math.pi)
        along = math.copysign(1.0, self.geometry.increment) * turned % (2 * math.pi)
        end = self.step * (len(self.kinds) - 1)
        if min(abs(inside - (last - first)), abs(along - end), inside, 2 * math.pi - inside,
               2 * math.pi - along) < 1e-6:
            return None
        return bool(inside > last - first or along > end)

    @property
    def sight(self):
        """Return the way that ends before the end of what a beam without a return has seen."""
        if FREE not in self.kinds:
            return math.inf
        return max(0.0, self.geometry.range_max - abs(self.at) - self.radius)
