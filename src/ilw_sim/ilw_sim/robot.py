"""
The simulated robot of a contract: the shipped one, or one of the size of a user's base.

Of a user's URDF the numbers count that a flat world shows: where the wheels are, how large they
and the whole are, how fast the wheels may turn. The shipped robot is scaled to them, so physics
needs no meshes and behaves alike for all; how a base answers commands is a plant's business.
"""

from dataclasses import replace
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ilw_core.contract import Contract
from ilw_core.errors import ContractError, IlwError
from ilw_core.files import read_bytes
from ilw_core.locate import config_file, resource_file
from ilw_core.schema import Section
from ilw_core.yaml_data import read_yaml
from ilw_sim.diff_drive import DiffDrive, read_urdf, urdf_path

ROBOT_KEYS = ('robot', 'wheel_joints', 'wheel_radius_m', 'robot_radius_m')
"""Of a contract's scene; read here"""
_MAX_URDF_BYTES = 10_000_000
_ROUND = np.linspace(0.0, 2.0 * math.pi, 24, endpoint=False)


def robot_of(contract: Contract) -> DiffDrive:
    """
    Return the robot that a contract's scene names, by default the shipped one.

    :raises ContractError: its URDF is missing or broken, or lacks something that is not given.
    """
    shipped = read_urdf(urdf_path())
    section = Section(contract.scene, f'{contract.name}.scene')
    if not section.has('robot'):
        for key in ROBOT_KEYS[1:]:
            if section.has(key):
                raise section.error(key, 'given only where robot is', contract.scene[key])
        return shipped
    name, joints, radius_m = section.text('robot'), None, None
    try:
        if name.endswith('.urdf'):
            path = contract.scene_file(name)
        else:
            path, joints, radius_m = _of_profile(config_file('robots', name))
    except IlwError as error:
        raise ContractError(f'{section.where}.robot must be a URDF, its path relative to the '
                            f'contract, or a name in config/robots. {error}') from error
    if section.has('wheel_joints'):
        given = section.take('wheel_joints')
        if not isinstance(given, list) or len(given) != 2:
            raise section.error('wheel_joints', 'the names of two joints, left and right', given)
        joints = (str(given[0]), str(given[1]))
    if section.has('wheel_radius_m'):
        radius_m = section.number('wheel_radius_m', low=0.005, high=1.0)
    outer_m = (section.number('robot_radius_m', low=0.02, high=5.0)
               if section.has('robot_radius_m') else None)
    try:
        robot = _Urdf(path).scaled(shipped, joints, radius_m, outer_m)
    except (ValueError, KeyError) as error:
        raise ContractError(f'{path}: every wheel needs a link, and every shape and origin its '
                            f'numbers. Got {error}. Try it with check_urdf.') from error
    for what, size, most in (('wheel radius', robot.wheel_radius_m, 1.0),
                             ('distance of the wheels', robot.track_m, 10.0),
                             ('radius of the robot', robot.radius_m, 5.0)):
        if not 0.005 <= size <= most:
            raise ContractError(f'{path}: the {what} must be from 0.005 m to {most:g} m. Got '
                                f'{size:g} m. URDF lengths are in metres.')
    return robot


def scaled_urdf(shipped: Path, drive: DiffDrive) -> str:
    """Return the shipped URDF with another robot's sizes."""
    root = ElementTree.fromstring(read_bytes(shipped, _MAX_URDF_BYTES))
    size = drive.radius_m / read_urdf(shipped).radius_m

    def all_of(path: str, **values: str) -> None:
        for element in root.findall(path):
            for key, value in values.items():
                element.set(key, value)

    base = "link[@name='base_link']/"
    for kind in ('visual', 'collision'):
        all_of(f'{base}{kind}/geometry/cylinder', radius=f'{drive.radius_m:.6f}')
    all_of(f'{base}inertial/origin', xyz=f'{-0.03 * size:.6f} 0 0.05')
    for axis in ('ixx', 'iyy', 'izz'):
        inertia = root.find(f'{base}inertial/inertia')
        assert inertia is not None
        inertia.set(axis, f'{float(str(inertia.get(axis))) * size ** 2:.6f}')
    for side, sign in (('left', 1.0), ('right', -1.0)):
        all_of(f"joint[@name='wheel_{side}_joint']/origin",
               xyz=f'0 {sign * drive.track_m / 2:.6f} {drive.wheel_radius_m:.6f}')
        for shape in ('collision/geometry/sphere', 'visual/geometry/cylinder'):
            all_of(f"link[@name='wheel_{side}_link']/{shape}",
                   radius=f'{drive.wheel_radius_m:.6f}')
    all_of("joint[@name='caster_joint']/origin", xyz=f'{-0.12 * size:.6f} 0 0.015')
    return ElementTree.tostring(root, encoding='unicode')


def _of_profile(path: Path) -> tuple[Path, tuple[str, str] | None, float | None]:
    """Return URDF, wheel joints and wheel radius that a robot profile names."""
    section = Section(read_yaml(path, 'a robot profile'), str(path))
    urdf = resource_file(section.text('urdf'), path.parent)
    if not section.has('wheels'):
        return urdf, None, None
    wheels = section.section('wheels')
    return urdf, (wheels.text('left'), wheels.text('right')), wheels.number('radius_m', low=0.005)


class _Urdf:
    """The links and joints of one file, and where they are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            text = read_bytes(path, _MAX_URDF_BYTES).decode()
            if '<!DOCTYPE' in text or '<!ENTITY' in text:
                raise ContractError(f'{path} declares entities, which no URDF needs.')
            root = ElementTree.fromstring(text)
        except (OSError, UnicodeDecodeError, ElementTree.ParseError) as error:
            raise ContractError(f'{path} cannot be read as a URDF: {error}. If it is a xacro '
                                'file, expand it first: xacro FILE > base.urdf') from error
        self._links = {str(link.get('name')): link for link in root.findall('link')}
        self._joints = {str(joint.get('name')): joint for joint in root.findall('joint')}
        self._above = {_name(joint, 'child'): joint for joint in self._joints.values()}

    def scaled(
        self, shipped: DiffDrive, names: tuple[str, str] | None, wheel_m: float | None,
        outer_m: float | None,
    ) -> DiffDrive:
        """Return the shipped robot with this one's sizes."""
        left, right = (self._wheel(name) for name in names) if names else self._two_wheels()
        places = [self._place(_name(joint, 'child'))[:3, 3] for joint in (left, right)]
        track_m = float(places[0][1] - places[1][1])
        if track_m < 0.02:
            raise ContractError(f'{self._path}: the left wheel must be at least 2 cm left of the '
                                f'right one. It is {track_m:.3f} m. Swap wheel_joints.')
        wheel_m = wheel_m or self._wheel_radius(_name(left, 'child'))
        speeds = [float(limit.get('velocity') or 0.0) for joint in (left, right)
                  if (limit := joint.find('limit')) is not None]
        return replace(
            shipped, wheel_radius_m=wheel_m, track_m=track_m,
            effort_nm=shipped.effort_nm * wheel_m / shipped.wheel_radius_m,
            speed_radps=min([v for v in speeds if v > 0.0], default=shipped.speed_radps),
            radius_m=outer_m or self._radius(0.5 * (places[0] + places[1])),
            joints=(str(left.get('name')), str(right.get('name'))), shipped=False)

    def _wheel(self, name: str) -> ElementTree.Element:
        joint = self._joints.get(name)
        if joint is None or joint.get('type') != 'continuous':
            raise ContractError(
                f'{self._path}: wheel_joints must be joints of type continuous. Got {name!r}. It '
                f'has: {", ".join(self._continuous()) or "none"}.')
        return joint

    def _two_wheels(self) -> tuple[ElementTree.Element, ElementTree.Element]:
        found = [self._joints[name] for name in self._continuous()]
        if len(found) != 2:
            raise ContractError(
                f'{self._path} must have two joints of type continuous, the driven wheels. It '
                f'has: {", ".join(self._continuous()) or "none"}. Name them in the scene: '
                'wheel_joints: [LEFT, RIGHT].')
        found.sort(key=lambda joint: -self._place(_name(joint, 'child'))[1, 3])
        return found[0], found[1]

    def _continuous(self) -> list[str]:
        return [name for name, joint in self._joints.items() if joint.get('type') == 'continuous']

    def _wheel_radius(self, link: str) -> float:
        for kind in ('collision', 'visual'):
            for shape in ('sphere', 'cylinder'):
                found = self._links[link].find(f'{kind}/geometry/{shape}')
                if found is not None:
                    return float(str(found.get('radius')))
        raise ContractError(f'{self._path}: the wheel {link} has neither sphere nor cylinder. '
                            'Give its radius in the scene: wheel_radius_m.')

    def _radius(self, axle: np.ndarray) -> float:
        """Return the radius of the circle around the axle's middle that holds all collisions."""
        furthest = 0.0
        for name, link in self._links.items():
            for collision in link.findall('collision'):
                points, spare = self._outline(name, collision)
                place = self._place(name) @ _transform(collision.find('origin'))
                flat = (place[:3, :3] @ points.T).T[:, :2] + place[:2, 3] - axle[:2]
                furthest = max(furthest, float(np.hypot(*flat.T).max()) + spare)
        if furthest == 0.0:
            raise ContractError(f'{self._path} has no collision shapes to take its size from. '
                                'Give it in the scene: robot_radius_m.')
        return furthest

    def _outline(self, name: str, collision: ElementTree.Element) -> tuple[np.ndarray, float]:
        """Return points that a shape is the hull of, (N, 3), and what is to be added around."""
        shape = next(iter(collision.find('geometry') or ()), None)
        kind = '' if shape is None else shape.tag
        if shape is not None and kind == 'box':
            half = np.array(str(shape.get('size')).split(), dtype=float) / 2.0
            return np.array(np.meshgrid(*([-v, v] for v in half))).reshape(3, -1).T, 0.0
        if shape is not None and kind == 'cylinder':
            radius, half_m = float(str(shape.get('radius'))), float(str(shape.get('length'))) / 2.0
            ring = np.stack([radius * np.cos(_ROUND), radius * np.sin(_ROUND)], axis=1)
            return np.concatenate([np.insert(ring, 2, z, axis=1) for z in (-half_m, half_m)]), 0.0
        if shape is not None and kind == 'sphere':
            return np.zeros((1, 3)), float(str(shape.get('radius')))
        raise ContractError(f'{self._path}: the collision of {name} is a {kind or "nothing"}; '
                            'sizes are taken from box, cylinder and sphere. Give the radius of '
                            'the whole robot in the scene: robot_radius_m.')

    def _place(self, link: str) -> np.ndarray:
        """Return where a link is in the frame of the root, (4, 4)."""
        place, seen = np.eye(4), set()
        while link in self._above and link not in seen:
            seen.add(link)
            joint = self._above[link]
            place, link = _transform(joint.find('origin')) @ place, _name(joint, 'parent')
        return place


def _name(joint: ElementTree.Element, end: str) -> str:
    found = joint.find(end)
    return '' if found is None else str(found.get('link'))


def _transform(origin: ElementTree.Element | None) -> np.ndarray:
    """Return a URDF origin as (4, 4): roll, then pitch, then yaw about fixed axes."""
    place = np.eye(4)
    if origin is None:
        return place
    place[:3, 3] = [float(v) for v in (origin.get('xyz') or '0 0 0').split()]
    for axis, angle in enumerate(float(v) for v in (origin.get('rpy') or '0 0 0').split()):
        turn, (a, b) = np.eye(4), [k for k in range(3) if k != axis]
        cos, sin = math.cos(angle), math.sin(angle) * (-1.0 if axis == 1 else 1.0)
        turn[a, a], turn[a, b], turn[b, a], turn[b, b] = cos, -sin, sin, cos
        place[:3, :3] = turn[:3, :3] @ place[:3, :3]
    return place
