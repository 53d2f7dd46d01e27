"""
Where something is in space and how it is turned: x, y, z and two axes of its frame.

The rotation is given as the first two columns of its matrix: nearby rotations are nearby numbers,
which no three or four numbers can do (Zhou et al. 2019, section 4.2).
"""

import numpy as np

from ilw_core.contract.field_path import RULE, FieldKind, is_path
from ilw_core.contract.schema import Section
from ilw_core.features.by_column import numbers, one_of
from ilw_core.features.rotation import matrices
from ilw_core.features.spec import FeatureSpec, paths

_PLACES = {
    'geometry_msgs/msg/Pose': '', 'geometry_msgs/msg/PoseStamped': 'pose',
    'geometry_msgs/msg/PoseWithCovariance': 'pose',
    'geometry_msgs/msg/PoseWithCovarianceStamped': 'pose.pose',
    'nav_msgs/msg/Odometry': 'pose.pose',
    'geometry_msgs/msg/Transform': '', 'geometry_msgs/msg/TransformStamped': 'transform'}
"""Type -> where in it the pose, or transform, is"""


def pose(name: str, options: Section) -> FeatureSpec:
    of_type = options.of_type
    known = _PLACES.get(of_type, 'pose')
    path = options.text('field', known) if known or options.has('field') else ''
    options.take('field')
    if path and not is_path(path):
        raise options.error('field', RULE, path)
    last = path.split('.')[-1]
    transform = last == 'transform' if path else of_type.endswith('/Transform')
    ends = [options.ranges(f'{axis}_m', 1) for axis in 'xyz']
    low, high = ([end[which][0] for end in ends] for which in (0, 1))

    def many(*columns: np.ndarray) -> np.ndarray:
        turned = matrices(*columns[3:])
        return np.concatenate([numbers(np.stack(columns[:3], axis=1)),
                               numbers(turned[:, :, 0]), numbers(turned[:, :, 1])], axis=1)

    place, turn = ('translation', 'rotation') if transform else ('position', 'orientation')
    before = f'{path}.' if path else ''
    fields = [f'{before}{place}.{axis}' for axis in 'xyz']
    fields += [f'{before}{turn}.{axis}' for axis in 'xyzw']
    return FeatureSpec(
        name, 'pose', (*(f'{name}.{axis}_m' for axis in 'xyz'), *(
            f'{name}.{which}_axis_{axis}' for which in 'xy' for axis in 'xyz')),
        (*low, *(-1.0,) * 6), (*high, *(1.0,) * 6),
        paths(name, *fields), one_of(many), many, kinds=(FieldKind('number'),) * 7,
        key='field' if options.has('field') else 'feature')
