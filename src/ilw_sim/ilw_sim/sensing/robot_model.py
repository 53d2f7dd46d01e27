"""The robot as tf and rviz see it: its URDF, its fixed frames, its turning wheels."""

from dataclasses import dataclass
import math
from types import SimpleNamespace as Plain
from xml.etree import ElementTree

import numpy as np

from ilw_core.contract.schema import shown
from ilw_core.errors import ContractError
from ilw_core.storage.files import read_bytes
from ilw_sim.physics.diff_drive import JOINTS, DiffDrive, urdf_path
from ilw_sim.physics.robot import scaled_urdf
from ilw_sim.sensing import readings

_MAX_URDF_BYTES = 10_000_000


@dataclass(frozen=True)
class ModelJoint:
    """One joint of a URDF and where its child is."""

    name: str
    parent: str
    child: str
    xyz: tuple[float, ...]
    xyzw: tuple[float, ...]
    """How the child is turned where the joint is at zero"""
    axis: tuple[float, ...]
    """Around which it turns, or along which it slides; empty where it does neither"""
    slides: bool = False

    def place(self, at: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return where the child is and how it is turned with the joint at [rad; m]."""
        if not self.slides:
            return self.xyz, _product(self.xyzw, _about(self.axis, at))
        along = _turned(self.xyzw, tuple(at * part for part in self.axis))
        return tuple(a + b for a, b in zip(self.xyz, along, strict=True)), self.xyzw


class RobotModel:
    """
    The frames of a robot's URDF.

    :param text: the URDF, with the joint names of ``joint_states``.
    :raises ContractError: a joint's place or axis is none.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        """For the topic ``robot_description``"""
        root = ElementTree.fromstring(text)
        self.joints = [_joint(element) for element in root.findall('joint')]

    def fixed(self, stamp_ns: int) -> list[Plain]:
        """Return the transforms that never change, for ``/tf_static``."""
        return [readings.mounted(stamp_ns, j.parent, j.child, j.xyz, j.xyzw)
                for j in self.joints if not j.axis]

    def turning(self, stamp_ns: int, joints: Plain) -> list[Plain]:
        """Return the transforms of what turns or slides, from a ``sensor_msgs/JointState``."""
        at = dict(zip(joints.name, joints.position, strict=True))
        return [readings.mounted(stamp_ns, j.parent, j.child, *j.place(float(at[j.name])))
                for j in self.joints if j.axis]


def base_model(drive: DiffDrive) -> RobotModel:
    """Return the model of a base: the shapes of the shipped robot, in the sizes of this one."""
    text = (read_bytes(urdf_path(), _MAX_URDF_BYTES).decode() if drive.shipped
            else scaled_urdf(urdf_path(), drive))
    root = ElementTree.fromstring(text)
    for shipped, name in zip(JOINTS, drive.joints, strict=True):
        for joint in root.findall(f"joint[@name='{shipped}']"):
            joint.set('name', name)
    return RobotModel(text if drive.joints == JOINTS else ElementTree.tostring(root, 'unicode'))


def _joint(element: ElementTree.Element) -> ModelJoint:
    def numbers(tag: str, key: str, default: str) -> tuple[float, ...]:
        found = element.find(tag)
        text = default if found is None else found.get(key, default)
        try:
            values = tuple(float(v) for v in text.split())
        except ValueError:
            values = ()
        if len(values) != 3 or not all(map(math.isfinite, values)):
            raise ContractError(f'A URDF must have three numbers in {tag} {key} of joint '
                                f'{element.get("name")}. Got {shown(text)}.')
        return values

    def link(end: str) -> str:
        found = element.find(end)
        return '' if found is None else found.get('link', '')

    turned: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0)
    for k, angle in enumerate(numbers('origin', 'rpy', '0 0 0')):  # about fixed axes
        turned = _product(_about(tuple(float(k == i) for i in range(3)), angle), turned)
    return ModelJoint(element.get('name', ''), link('parent'), link('child'),
                  numbers('origin', 'xyz', '0 0 0'), turned,
                  () if element.get('type') == 'fixed' else numbers('axis', 'xyz', '1 0 0'),
                  element.get('type') == 'prismatic')


def _about(axis: tuple[float, ...], angle_rad: float) -> tuple[float, ...]:
    """Return the quaternion (x, y, z, w) of a turn around a unit vector."""
    sin = math.sin(angle_rad / 2)
    return (*(sin * part for part in axis), math.cos(angle_rad / 2))


def _product(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, ...]:
    """Return the quaternion of turn ``b`` first, then ``a``."""
    va, vb = np.array(a[:3]), np.array(b[:3])
    return (*(a[3] * vb + b[3] * va + np.cross(va, vb)).tolist(), float(a[3] * b[3] - va @ vb))


def _turned(xyzw: tuple[float, ...], vector: tuple[float, ...]) -> tuple[float, ...]:
    """Return a vector turned by a quaternion."""
    there = _product(_product(xyzw, (*vector, 0.0)), (*(-part for part in xyzw[:3]), xyzw[3]))
    return there[:3]
