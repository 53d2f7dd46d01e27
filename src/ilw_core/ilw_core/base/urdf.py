"""
Read a URDF: where wheels are, how fast they turn, how far the whole reaches.

A file that is still xacro is expanded where ``xacro`` is installed.
"""

from collections.abc import Iterable
import math
from pathlib import Path
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np

from ilw_core.contract.yaml_data import read_text
from ilw_core.errors import ContractError
from ilw_core.text.printable import pasteable

MAX_URDF_BYTES = 10_000_000
_XACRO_S = 20.0
_COMMENT = re.compile('<!--.*?-->', re.DOTALL)
_XACRO = re.compile(r"""<xacro:|=\s*["'][^"']*\$[({]""")
_ROUND = np.linspace(0.0, 2.0 * math.pi, 24, endpoint=False)


def read_urdf(path: str | Path) -> ElementTree.Element:
    """
    Return the root element of a URDF, or of a xacro file that could be expanded.

    :raises ContractError: it cannot be read, is no XML, declares entities, or is xacro and there
        is nothing to expand it with.
    """
    text = read_text(path, 'a URDF', MAX_URDF_BYTES)
    if '<!DOCTYPE' in text or '<!ENTITY' in text:
        raise ContractError(f'{path} declares entities, which no URDF needs.')
    if _XACRO.search(_COMMENT.sub('', text)):
        text = _expanded(Path(path))
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise ContractError(f'{path} cannot be read as a URDF: {error}. If it is a '
                            'xacro file, expand it first: xacro FILE > FILE.urdf') from error


def _expanded(path: Path) -> str:
    """Return what ``xacro`` makes of a file."""
    stem = re.sub(r'(\.urdf)?(\.xacro)?$', '', path.name)
    target = path.with_name(f'{stem}.urdf')
    target = path.with_name(f'{stem}_expanded.urdf') if target == path else target
    by_hand = f'run `xacro {pasteable(path)} > {pasteable(target)}` and name that file'
    program = shutil.which('xacro')
    if program is None:
        raise ContractError(f'{path}: this is xacro, not yet a URDF: {by_hand}.')
    try:
        done = subprocess.run([program, str(path.resolve())], capture_output=True, check=False,
                              timeout=_XACRO_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ContractError(f'{path}: this is xacro, and {program} did not expand it: {error}. '
                            f'Where it works, {by_hand}.') from error
    text = done.stdout.decode(errors='replace')
    if done.returncode or len(text) > MAX_URDF_BYTES:
        said = ' '.join(done.stderr.decode(errors='replace').split())[-300:]
        raise ContractError(f'{path}: this is xacro, and {program} did not expand it: '
                            f'{said or "too much came out"}. Where it works, {by_hand}.')
    return text


class Urdf:
    """
    The links and joints of one file, and where they are.

    :raises ContractError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        root = read_urdf(path)
        self._links = {str(link.get('name')): link for link in root.findall('link')}
        self._joints = {str(joint.get('name')): joint for joint in root.findall('joint')}
        self._above = {_name(joint, 'child'): joint for joint in self._joints.values()}

    def driven(
        self, names: tuple[str, str] | None = None,
    ) -> tuple[ElementTree.Element, ElementTree.Element]:
        """
        Return the joints of the left and right wheel.

        :param names: of both; ``None``: the two that turn without end.
        :raises ContractError: they are not there, or there are more than two to choose from.
        """
        return (self._wheel(names[0]), self._wheel(names[1])) if names else self._two_wheels()

    def place_m(self, joint: ElementTree.Element) -> np.ndarray:
        """Return where a joint is in the frame of the root, ``(3,)``."""
        found: np.ndarray = self._place(_name(joint, 'child'))[:3, 3]
        return found

    def wheel_radius_m(self, joint: ElementTree.Element) -> float:
        """Return the radius of the wheel on a joint; :raises ContractError: it has no shape."""
        link = _name(joint, 'child')
        for kind in ('collision', 'visual'):
            for shape in ('sphere', 'cylinder'):
                found = self._links[link].find(f'{kind}/geometry/{shape}')
                if found is not None:
                    return float(str(found.get('radius')))
        raise ContractError(f'{self._path}: the wheel {link} has neither sphere nor cylinder. '
                            'Give its radius in the scene: wheel_radius_m.')

    def radius_m(self, centre: np.ndarray) -> float:
        """
        Return the radius of the circle that holds all collisions.

        :param centre: its middle in the frame of the root, ``(3,)``.
        :raises ContractError: there are none, or one is a mesh.
        """
        furthest = 0.0
        for name, link in self._links.items():
            for collision in link.findall('collision'):
                points, spare = self._outline(name, collision)
                place = self._place(name) @ _transform(collision.find('origin'))
                flat = (place[:3, :3] @ points.T).T[:, :2] + place[:2, 3] - centre[:2]
                furthest = max(furthest, float(np.hypot(*flat.T).max()) + spare)
        if furthest == 0.0:
            raise ContractError(f'{self._path} has no collision shapes to take its size from. '
                                'Give it in the scene: robot_radius_m.')
        return furthest

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


def wheel_speed_radps(joints: Iterable[ElementTree.Element]) -> float | None:
    """Return the lowest limit of speed above 0 of some joints; ``None``: there is none."""
    speeds = [float(limit.get('velocity') or 0.0) for joint in joints
              if (limit := joint.find('limit')) is not None]
    return min([v for v in speeds if v > 0.0], default=None)


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
