"""
One machine: how long it moves without commands, and what its URDF allows.

The files in ``config/robots``: a contract says what a task wants, a profile what a machine can do.
"""

from dataclasses import dataclass, field, replace
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ilw_core.base.base_fit import BaseFigures, misfits, profile_base
from ilw_core.base.urdf import read_urdf
from ilw_core.contract.action import ActionSpec
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.contract.schema import Section, shown
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError
from ilw_core.features.lidar_spec import PLAIN, LidarSpec, read_lidar
from ilw_core.storage.locate import resource_file
from ilw_teleop.arbiter.robot_interface import RobotInterface, read_interface

MAX_BYTES = 100_000


@dataclass(frozen=True)
class Joint:
    """The limits of one joint of a URDF; infinite where it gives none."""

    low: float
    """rad or m"""
    high: float
    speed: float
    """rad/s or m/s"""


@dataclass(frozen=True)
class Wheels:
    """Two driven wheels on one axle."""

    radius_m: float
    track_m: float
    speed_radps: float


@dataclass(frozen=True)
class RobotProfile:
    """What the arbiter knows of the machine."""

    name: str
    command_timeout_s: float | None
    """Without a command for this long the machine stops by itself; ``None``: nobody says so"""
    wheels: Wheels | None
    joints: dict[str, Joint]
    """Action field -> the joint that it sets the position of"""
    interface: RobotInterface = field(default_factory=RobotInterface)
    lidar: LidarSpec = PLAIN
    """How its lidar says that nothing came back, and where it looks"""
    base: BaseFigures | None = None
    """What its URDF says of size and speed; ``None``: it names none"""

    def tighten(self, action: ActionSpec) -> ActionSpec:
        """
        Return the action within the joints' limits, too.

        :raises ContractError: nothing is left of a field's range, its stop action is outside, or
            there are wheels and the action is no twist.
        """
        if self.wheels is not None:
            self._twist(action)
        low, high, rate = action.low.copy(), action.high.copy(), action.max_rate.copy()
        for name, joint in self.joints.items():
            if name not in action.names:
                raise ContractError(f'The profile of {self.name} sets a joint by {name!r}, which '
                                    f'is no action field. Known: {", ".join(action.names)}.')
            i = action.names.index(name)
            low[i], high[i] = max(low[i], joint.low), min(high[i], joint.high)
            rate[i] = min(rate[i], joint.speed)
            if low[i] >= high[i]:
                raise ContractError(f'{name}: the contract and the URDF of {self.name} have no '
                                    f'value in common.')
        if np.any((action.stop < low) | (action.stop > high)):
            raise ContractError(f'The stop action {action.stop.tolist()} is outside what the URDF '
                                f'of {self.name} allows. Change on_stale in the contract.')
        return replace(action, low=low, high=high, max_rate=rate)

    def saturate(self, applied: np.ndarray,
                 action: ActionSpec) -> tuple[np.ndarray, tuple[str, ...]]:
        """
        Scale a planar twist down to what the wheels can turn; the curve stays the same.

        :param applied: ``(Da,)``; fields that are no part of the twist stay as they are.
        :param action: names the fields.
        :returns: the action, and ``'wheels'`` if it was scaled.
        """
        wheels = self.wheels
        if wheels is None:
            return applied, ()
        forward, turn = twist = self._twist(action)
        fastest = abs(applied[forward]) + abs(applied[turn]) * wheels.track_m / 2
        most = wheels.speed_radps * wheels.radius_m
        if fastest <= most:
            return applied, ()
        scaled = np.array(applied, dtype=np.float64)
        scaled[[*twist]] *= most / fastest
        return scaled, ('wheels',)

    def _twist(self, action: ActionSpec) -> tuple[int, int]:
        return twist_fields(action, f'The profile of {self.name} has wheels, so it')


def load_profile(path: str | Path) -> RobotProfile:
    """
    Read and check a profile and the URDF it names.

    :raises IlwError: a file is missing, broken, or lacks a joint.
    """
    root = Section(read_yaml(path, 'a robot profile', MAX_BYTES), str(path))
    name = root.text('robot')
    timeout = (root.number('command_timeout_s', low=0.01, high=3600.0)
               if root.has('command_timeout_s') else None)
    root.take('command_timeout_s')
    urdf = read_urdf(resource_file(root.text('urdf'), Path(path).parent)) \
        if root.has('urdf') else None
    wheels, joints = None, {}
    if root.has('wheels'):
        wheels = _wheels(root, urdf)
    if root.has('joints'):
        section = root.section('joints')
        joints = {field: _limits(section, field, urdf) for field in section.keys()}  # noqa: SIM118
    interface = read_interface(root)
    lidar = read_lidar(root.section('lidar', required=False))
    root.done()
    return RobotProfile(name, timeout, wheels, joints, interface, lidar, profile_base(Path(path)))


def _joint(section: Section, key: str, urdf: ElementTree.Element | None) -> ElementTree.Element:
    name = section.text(key)
    found = [] if urdf is None else [j for j in urdf.findall('joint') if j.get('name') == name]
    if not found:
        raise section.error(key, 'a joint of the URDF that `urdf` names', name)
    return found[0]


def _number(joint: ElementTree.Element, text: str | None, what: str) -> float:
    """Return a number of a URDF; infinite where it gives none is fine, not a number is not."""
    try:
        value = float(text or '')
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ContractError(f'The joint {shown(joint.get("name"))} of the URDF must have a number '
                            f'as {what}. Got {shown(text)}.')
    return value


def _speed(joint: ElementTree.Element) -> float:
    limit = joint.find('limit')
    speed = _number(joint, 'inf' if limit is None else limit.get('velocity', 'inf'), 'velocity')
    if speed <= 0.0:
        raise ContractError(f'The joint {shown(joint.get("name"))} of the URDF must have a '
                            f'velocity above 0. Got {speed:g}.')
    return speed


def _limits(section: Section, key: str, urdf: ElementTree.Element | None) -> Joint:
    joint = _joint(section, key, urdf)
    limit, low, high = joint.find('limit'), -math.inf, math.inf
    if limit is not None and joint.get('type') != 'continuous':
        low = _number(joint, limit.get('lower', '-inf'), 'lower limit')
        high = _number(joint, limit.get('upper', 'inf'), 'upper limit')
    return Joint(low, high, _speed(joint))


def _wheels(root: Section, urdf: ElementTree.Element | None) -> Wheels:
    section = root.section('wheels')
    joints = [_joint(section, side, urdf) for side in ('left', 'right')]
    left_m, right_m = (_side_m(joint) for joint in joints)
    radius = section.number('radius_m', low=0.001, high=100.0)
    section.done()
    return Wheels(radius, abs(left_m - right_m), min(map(_speed, joints)))


def _side_m(joint: ElementTree.Element) -> float:
    """Return how far to the left of its parent a joint sits."""
    origin = joint.find('origin')
    place = (('' if origin is None else origin.get('xyz')) or '0 0 0').split()
    side_m = _number(joint, place[1] if len(place) == 3 else None, 'y of its origin')
    if not math.isfinite(side_m):
        raise ContractError(f'The joint {shown(joint.get("name"))} of the URDF must have a finite '
                            f'y. Got {side_m}.')
    return side_m


def interface_of(profile: RobotProfile | None) -> RobotInterface:
    """Return a robot's names; of a robot without a profile, those of the contract."""
    return profile.interface if profile else RobotInterface()


def doubts(contract: Contract, profile: RobotProfile | None) -> list[str]:
    """Return what nobody vouches for on this robot, or is contradicted, a sentence each."""
    found = []
    if profile is None:
        found.append('No robot profile: nobody says that the robot stops by itself when commands '
                     'stop. Set the parameter `robot` to one of config/robots.')
    elif profile.command_timeout_s is None:
        found.append(f'The profile of {profile.name} gives no command_timeout_s: would the robot '
                     'stop by itself if this node died? Try it, then write it down.')
    if profile is not None and profile.base is not None:
        found += misfits(contract, profile.base)
    if contract.safety.scan is None:
        found.append(f'The contract {contract.name} looks ahead with no lidar (safety.scan): the '
                     'robot is not slowed in front of obstacles.')
    return found
