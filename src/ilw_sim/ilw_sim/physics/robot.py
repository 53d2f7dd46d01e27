"""
The simulated robot of a contract: the shipped one, or one of the size of a user's base.

Of a user's URDF the numbers count that a flat world shows: where the wheels are, how large they
and the whole are, how fast the wheels may turn. The shipped robot is scaled to them, so physics
needs no meshes and behaves alike for all; how a base answers commands is a plant's business.
"""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from ilw_core.base.base_fit import BaseFigures, far_too_slow
from ilw_core.base.urdf import Urdf, wheel_speed_radps
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.files import read_bytes
from ilw_core.storage.locate import config_file, resource_file
from ilw_sim.physics.diff_drive import DiffDrive, read_urdf, urdf_path

ROBOT_KEYS = ('robot', 'wheel_joints', 'wheel_radius_m', 'robot_radius_m')
"""Of a contract's scene; read here"""
_MAX_URDF_BYTES = 10_000_000


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
        if name.endswith(('.urdf', '.xacro')):
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
        robot = _scaled(Urdf(path), shipped, joints, radius_m, outer_m, path)
    except (ValueError, KeyError) as error:
        raise ContractError(f'{path}: every wheel needs a link, and every shape and origin its '
                            f'numbers. Got {error}. Try it with check_urdf.') from error
    for what, size, most in (('wheel radius', robot.wheel_radius_m, 1.0),
                             ('distance of the wheels', robot.track_m, 10.0),
                             ('radius of the robot', robot.radius_m, 5.0)):
        if not 0.005 <= size <= most:
            raise ContractError(f'{path}: the {what} must be from 0.005 m to {most:g} m. Got '
                                f'{size:g} m. URDF lengths are in metres.')
    base = BaseFigures(f'the URDF {path.name}', robot.speed_radps * robot.wheel_radius_m,
                       robot.track_m)
    if slow := far_too_slow(contract, base):
        raise ContractError(slow)
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


def _scaled(urdf: Urdf, shipped: DiffDrive, names: tuple[str, str] | None, wheel_m: float | None,
            outer_m: float | None, path: Path) -> DiffDrive:
    """Return the shipped robot with the sizes of a URDF."""
    left, right = joints = urdf.driven(names)
    places = [urdf.place_m(joint) for joint in joints]
    track_m = float(places[0][1] - places[1][1])
    if track_m < 0.02:
        raise ContractError(f'{path}: the left wheel must be at least 2 cm left of the '
                            f'right one. It is {track_m:.3f} m. Swap wheel_joints.')
    wheel_m = wheel_m or urdf.wheel_radius_m(left)
    return replace(
        shipped, wheel_radius_m=wheel_m, track_m=track_m,
        effort_nm=shipped.effort_nm * wheel_m / shipped.wheel_radius_m,
        speed_radps=wheel_speed_radps(joints) or shipped.speed_radps,
        radius_m=outer_m or urdf.radius_m(0.5 * (places[0] + places[1])),
        joints=(str(left.get('name')), str(right.get('name'))), shipped=False)
