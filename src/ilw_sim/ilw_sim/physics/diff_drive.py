"""The wheels: twist to wheel speeds and back. The geometry is read from the URDF."""

from dataclasses import dataclass
import math
import os
from pathlib import Path
import xml.etree.ElementTree as ElementTree

from ilw_core.errors import IlwError
from ilw_core.storage.files import read_bytes

_MAX_URDF_BYTES = 10_000_000
Pose = tuple[float, float, float]
JOINTS = ('wheel_left_joint', 'wheel_right_joint')


@dataclass(frozen=True)
class DiffDrive:
    """Two driven wheels on one axle."""

    wheel_radius_m: float
    track_m: float
    """Distance between the wheels."""
    effort_nm: float
    """Largest torque of one wheel motor."""
    speed_radps: float
    """Largest speed of one wheel."""
    lidar_height_m: float
    radius_m: float
    """Of the circle around the axle's middle that holds all of it"""
    joints: tuple[str, str] = JOINTS
    """Names of the wheels' joints, left and right"""
    shipped: bool = True
    """``False``: sizes of another robot's URDF"""

    def wheel_speeds(self, forward_mps: float, turn_radps: float) -> tuple[float, float]:
        """Return (left, right) wheel speeds [rad/s] of a twist, within the motors' limit."""
        half = 0.5 * turn_radps * self.track_m
        fastest = self.speed_radps
        speeds = [(forward_mps + side * half) / self.wheel_radius_m for side in (-1.0, 1.0)]
        return (min(max(speeds[0], -fastest), fastest), min(max(speeds[1], -fastest), fastest))

    def travel(self, left_rad: float, right_rad: float) -> tuple[float, float]:
        """Return (distance [m], turn [rad]) that two wheel rotations amount to."""
        left, right = left_rad * self.wheel_radius_m, right_rad * self.wheel_radius_m
        return 0.5 * (left + right), (right - left) / self.track_m


def advance(pose: Pose, distance_m: float, turn_rad: float) -> Pose:
    """Return the pose after moving along an arc."""
    x, y, yaw = pose
    half = 0.5 * turn_rad
    chord = distance_m * (math.sin(half) / half if abs(half) > 1e-9 else 1.0)
    return (x + chord * math.cos(yaw + half), y + chord * math.sin(yaw + half), yaw + turn_rad)


def urdf_path() -> Path:
    """
    Return the robot's URDF, of the install or of the checkout.

    :raises IlwError: it is in neither.
    """
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if p]
    folders = [Path(__file__).resolve().parents[2] / 'urdf']
    folders += [Path(prefix) / 'share' / 'ilw_sim' / 'urdf' for prefix in prefixes]
    for folder in folders:
        if (folder / 'diff_drive.urdf').is_file():
            return (folder / 'diff_drive.urdf').resolve()  # installed as a link
    raise IlwError('urdf/diff_drive.urdf was not found. Build the workspace, and source it.')


def read_urdf(path: Path) -> DiffDrive:
    """Return the geometry that the URDF describes."""
    root = ElementTree.fromstring(read_bytes(path, _MAX_URDF_BYTES))
    joints = {joint.get('name', ''): joint for joint in root.iter('joint')}

    def of(element: ElementTree.Element | None, key: str) -> str:
        if element is None or element.get(key) is None:
            raise IlwError(f'{path} has no {key} where one is needed.')
        return str(element.get(key))

    left, right = (joints[name] for name in JOINTS)
    ys = [float(of(joint.find('origin'), 'xyz').split()[1]) for joint in (left, right)]
    height = float(of(joints['scan_joint'].find('origin'), 'xyz').split()[2])
    body = root.find("link[@name='base_link']/collision/geometry/cylinder")
    wheel = root.find("link[@name='wheel_left_link']/collision/geometry/sphere")
    limit = left.find('limit')
    return DiffDrive(float(of(wheel, 'radius')), ys[0] - ys[1], float(of(limit, 'effort')),
                     float(of(limit, 'velocity')), height, float(of(body, 'radius')))
