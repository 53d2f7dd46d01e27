"""
What of a goal's area a thing on a table covers: a block pushed onto its outline, as in Push-T.

Both have the same outline, rectangles beside each other, in the plane that both poses are given
in; C. Chi et al., "Diffusion Policy", RSS 2023, section V. The areas are exact: each
rectangle of the one is cut by the edges of each of the other.
"""

import math

from ilw_core.contract.field_path import FieldKind
from ilw_core.contract.schema import Section
from ilw_core.features.rotation import yaw
from ilw_core.features.spec import FeatureSpec, paths

_POSE = ('pose.position.x', 'pose.position.y', *(f'pose.orientation.{axis}' for axis in 'xyzw'))
Corner = tuple[float, float]
Rectangle = tuple[float, float, float, float]
"""x, y of the middle, then sizes along x and y [m], in the frame of the thing"""


def overlap(name: str, options: Section) -> FeatureSpec:
    pose_entry = options.text('pose_from')
    parts = options.section('parts_m')
    names = parts.keys()
    rectangles = [_rectangle(parts, key) for key in names]
    parts.done()
    if not rectangles:
        raise options.error('parts_m', 'a mapping of one rectangle at least', {})
    whole = sum(each[2] * each[3] for each in rectangles)

    def one(*numbers: float) -> tuple[float, ...]:
        if not all(map(math.isfinite, numbers)):
            return (math.nan,)
        here, there = (_corners(rectangles, *half[:2], yaw(*half[2:]))
                       for half in (numbers[:6], numbers[6:]))
        return (min(1.0, sum(shared_area(a, b) for a in here for b in there) / whole),)

    return FeatureSpec(name, 'overlap', (f'{name}.ratio',), (0.0,), (1.0,),
                       paths(name, *_POSE) + paths(pose_entry, *_POSE), one,
                       kinds=(FieldKind('number'),) * 12)


def shared_area(one: list[Corner], other: list[Corner]) -> float:
    """Return the area that two convex polygons share; corners anticlockwise."""
    left = one
    for (ax, ay), (bx, by) in zip(other, other[1:] + other[:1], strict=True):
        sides = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for x, y in left]
        cut: list[Corner] = []
        for k, (x, y) in enumerate(left):
            (x0, y0), before, side = left[k - 1], sides[k - 1], sides[k]
            if before * side < 0.0:
                part = before / (before - side)
                cut.append((x0 + part * (x - x0), y0 + part * (y - y0)))
            if side >= 0.0:
                cut.append((x, y))
        left = cut
    return 0.5 * sum(left[k - 1][0] * y - x * left[k - 1][1] for k, (x, y) in enumerate(left))


def _corners(rectangles: list[Rectangle], x: float, y: float,
             yaw_rad: float) -> list[list[Corner]]:
    """Return the corners of a thing's rectangles where the thing is, anticlockwise."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    return [[(x + cos * u - sin * v, y + sin * u + cos * v) for u, v in (
        (mx + sx / 2, my + sy / 2), (mx - sx / 2, my + sy / 2),
        (mx - sx / 2, my - sy / 2), (mx + sx / 2, my - sy / 2))]
        for mx, my, sx, sy in rectangles]


def _rectangle(parts: Section, key: str) -> Rectangle:
    x, y, wide, long = parts.numbers(key, 4)
    if min(wide, long) <= 0.0:
        raise parts.error(key, 'x, y of the middle, then two sizes above 0', [x, y, wide, long])
    return x, y, wide, long
