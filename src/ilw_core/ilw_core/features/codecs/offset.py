"""
Where something lies, seen from where something else is: a cube from the tool of an arm.

The difference is along the axes of the frame that both poses are given in, as the twists of a
servo are, so that it is the way to go. Of a thing that looks alike after a part of a turn, as a
cube does after a quarter, only what is left of that part counts; where ``alike`` is 0, how it is
turned says nothing, and only x, y and z are told.
"""

import math

from ilw_core.contract.field_path import FieldKind
from ilw_core.contract.schema import Section
from ilw_core.features.rotation import yaw
from ilw_core.features.spec import FeatureSpec, paths

_POSE = tuple(f'pose.position.{axis}' for axis in 'xyz') + tuple(
    f'pose.orientation.{axis}' for axis in 'xyzw')


def offset(name: str, options: Section) -> FeatureSpec:
    pose_entry = options.text('pose_from')
    largest_m = options.number('distance_max_m', 1.0, low=0.01, high=1e6)
    alike = options.integer('alike', 1, low=0, high=360)

    def one(*numbers: float) -> tuple[float, ...]:
        there, here = numbers[:7], numbers[7:]
        way = [min(max(a - b, -largest_m), largest_m) if math.isfinite(a - b) else math.nan
               for a, b in zip(there[:3], here[:3], strict=True)]
        if not alike:
            return tuple(way)
        turn = alike * (yaw(*there[3:]) - yaw(*here[3:]))
        return (*way, math.sin(turn), math.cos(turn))

    turned = (f'{name}.turn_sin', f'{name}.turn_cos') if alike else ()
    ends = (1.0,) * len(turned)
    return FeatureSpec(
        name, 'offset', (*(f'{name}.{axis}_m' for axis in 'xyz'), *turned),
        (*(-largest_m,) * 3, *(-end for end in ends)), (*(largest_m,) * 3, *ends),
        paths(name, *_POSE) + paths(pose_entry, *_POSE), one, kinds=(FieldKind('number'),) * 14)
