"""Every kind of feature a contract may name: each a file in this folder and a line here."""

from collections.abc import Callable

from ilw_core.contract.schema import Section
from ilw_core.features.codecs.body_twist import body_twist
from ilw_core.features.codecs.field import field
from ilw_core.features.codecs.goal_polar import goal_polar
from ilw_core.features.codecs.image import image
from ilw_core.features.codecs.imu import imu
from ilw_core.features.codecs.joints import joints
from ilw_core.features.codecs.lidar_sectors import lidar_sectors
from ilw_core.features.codecs.offset import offset
from ilw_core.features.codecs.overlap import overlap
from ilw_core.features.codecs.pose import pose
from ilw_core.features.codecs.pose2d import pose2d
from ilw_core.features.spec import FeatureSpec

CODECS: dict[str, Callable[[str, Section], FeatureSpec]] = {
    'lidar_sectors': lidar_sectors,
    'goal_polar': goal_polar,
    'body_twist': body_twist,
    'pose2d': pose2d,
    'pose': pose,
    'offset': offset,
    'overlap': overlap,
    'joints': joints,
    'imu': imu,
    'field': field,
    'image': image,
}
"""Name in a contract -> what reads the feature's options out of it"""
