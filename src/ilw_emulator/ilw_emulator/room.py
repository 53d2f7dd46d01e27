"""What a robot in a world can touch and what its lidar's beams meet. Geometry in numpy."""

import math

import numpy as np

from ilw_emulator.world import EmulatedWorld


class Room:
    """
    A world as arrays of line segments (the edges of boxes too) and circles.

    :param radius_m: of the round body that moves in it.
    """

    def __init__(self, world: EmulatedWorld, radius_m: float) -> None:
        self._radius_m = radius_m
        lines, kinds = [list(row) for row in world.segments], ['wall'] * len(world.segments)
        for kind, boxes in (('wall', world.walls), ('box', world.boxes)):
            for box in boxes:
                lines += _edges(*box)
                kinds += [kind] * 4
        self._kinds = kinds + ['cylinder'] * len(world.cylinders)
        ends = np.array(lines, dtype=np.float64).reshape(-1, 4)
        self._from, self._along = ends[:, :2], ends[:, 2:] - ends[:, :2]
        squared = (self._along ** 2).sum(1)
        self._per_square = 1.0 / np.where(squared > 0.0, squared, 1.0)
        round_ones = np.array(world.cylinders, dtype=np.float64).reshape(-1, 3)
        self._middles, self._radii = round_ones[:, :2], round_ones[:, 2]
        self._seen, self._free_m = (math.inf, math.inf), 0.0

    def clearance(self, x: float, y: float) -> tuple[float, str]:
        """Return the distance of a point from the nearest surface [m], and what that is."""
        point = np.array([x, y])
        gap = point - self._from
        part = np.clip((gap * self._along).sum(1) * self._per_square, 0.0, 1.0)
        to_lines = np.sqrt(((gap - part[:, None] * self._along) ** 2).sum(1))
        to_round = np.sqrt(((point - self._middles) ** 2).sum(1)) - self._radii
        distances = np.concatenate([to_lines, to_round])
        if not len(distances):
            return math.inf, ''
        nearest = int(distances.argmin())
        return float(distances[nearest]), self._kinds[nearest]

    def touches(self, x: float, y: float) -> str:
        """Return the kind of what a body at this place touches; empty where nothing."""
        if math.hypot(x - self._seen[0], y - self._seen[1]) < self._free_m:
            return ''  # nearer to a place looked at than anything was to that
        clearance_m, kind = self.clearance(x, y)
        self._seen, self._free_m = (x, y), clearance_m - self._radius_m
        return kind if self._free_m < 0.0 else ''

    def ranges(self, x: float, y: float, angles: np.ndarray, range_max_m: float) -> np.ndarray:
        """
        Return what beams meet [m].

        :param angles: ``(R,)`` in the world.
        :returns: ``(R,)`` float64, ``inf`` where nothing is within ``range_max_m``.
        """
        cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]  # (R, 1)
        gx, gy = self._from[:, 0] - x, self._from[:, 1] - y  # (S,)
        ex, ey = self._along[:, 0], self._along[:, 1]
        with np.errstate(divide='ignore', invalid='ignore'):  # a beam along a line is no hit
            per = 1.0 / (cos * ey - sin * ex)  # (R, S)
            far = (gx * ey - gy * ex) * per
            part = (gx * sin - gy * cos) * per
        met = np.where((far >= 0.0) & (part >= 0.0) & (part <= 1.0), far, np.inf)
        nearest = met.min(axis=1, initial=np.inf)
        if len(self._radii):
            mx, my = self._middles[:, 0] - x, self._middles[:, 1] - y
            ahead = cos * mx + sin * my
            inside = self._radii ** 2 - (mx ** 2 + my ** 2 - ahead ** 2)
            far = ahead - np.sqrt(np.maximum(inside, 0.0))
            met = np.where((inside >= 0.0) & (far >= 0.0), far, np.inf)
            nearest = np.minimum(nearest, met.min(axis=1))
        return np.where(nearest <= range_max_m, nearest, np.inf)


def _edges(x: float, y: float, yaw: float, half_x: float, half_y: float) -> list[list[float]]:
    """Return the four sides of a box, each as x, y, x, y."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    corners = [(x + cos * u - sin * v, y + sin * u + cos * v)
               for u, v in ((half_x, half_y), (-half_x, half_y), (-half_x, -half_y),
                            (half_x, -half_y))]
    return [[*corners[i], *corners[(i + 1) % 4]] for i in range(4)]
