"""Do a contract and the base that is to obey it contradict each other? Sizes, speeds, times."""

from dataclasses import dataclass
import math
from pathlib import Path

from ilw_core.base.urdf import Urdf, wheel_speed_radps
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import FORWARD, TURN, field_index
from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file, resource_file

_SPARE = 1.02
"""Of speeds: wheels are measured, and URDFs rounded, to a percent or two"""
_SPARE_M = 0.005
"""Of the radius"""


@dataclass(frozen=True)
class BaseFigures:
    """What a URDF says of a base with two driven wheels; ``None`` where it says nothing."""

    name: str
    """For sentences, as in ``the URDF base.urdf``"""
    speed_mps: float | None = None
    """Of the rim of a wheel, at the limit of its joint"""
    track_m: float | None = None
    """Distance of the wheels"""
    radius_m: float | None = None
    """Of the circle around the axle's middle that holds all of it"""


def read_base(path: Path, wheels: tuple[str, str] | None = None,
              wheel_radius_m: float | None = None) -> BaseFigures:
    """
    Return what a URDF, or xacro file, says of a base; what it lacks is left out.

    :param wheels: joints of the left and right wheel, where they are known.
    :param wheel_radius_m: where it is known.
    :raises ContractError: it cannot be read, or has a number that is none.
    """
    urdf, name = Urdf(path), f'the URDF {path.name}'
    try:
        joints = urdf.driven(wheels)
        places = [urdf.place_m(joint) for joint in joints]
        centre, track_m = 0.5 * (places[0] + places[1]), float(places[0][1] - places[1][1])
    except ContractError:  # three wheels, or four: which of them drive is for a person to say
        return BaseFigures(name)
    except (ValueError, KeyError) as error:
        raise _broken(path, error) from error
    speed_mps = radius_m = None
    try:
        radps = wheel_speed_radps(joints)
        if radps is not None:
            speed_mps = radps * (wheel_radius_m or urdf.wheel_radius_m(joints[0]))
        radius_m = urdf.radius_m(centre)
    except ContractError:  # meshes have no size here
        pass
    except (ValueError, KeyError) as error:
        raise _broken(path, error) from error
    return BaseFigures(name, speed_mps, track_m, radius_m)


def profile_base(path: Path) -> BaseFigures | None:
    """
    Return the base of the URDF that a robot profile names; ``None``: it names none.

    :raises IlwError: the profile or the URDF cannot be read.
    """
    section = Section(read_yaml(path, 'a robot profile'), str(path))
    if not section.has('urdf'):
        return None
    wheels = section.section('wheels', required=False)
    names = ((wheels.text('left'), wheels.text('right'))
             if wheels.has('left') and wheels.has('right') else None)
    return read_base(resource_file(section.text('urdf'), path.parent), names,
                     wheels.number('radius_m') if wheels.has('radius_m') else None)


def scene_base(contract: Contract) -> BaseFigures | None:
    """
    Return the base that a contract's ``scene.robot`` names; ``None``: it names none.

    :raises IlwError: a file of it cannot be read.
    """
    scene = Section(contract.scene, f'{contract.name}.scene')
    if not scene.has('robot'):
        return None
    name, joints = scene.text('robot'), scene.take('wheel_joints')
    if not name.endswith(('.urdf', '.xacro')):
        return profile_base(config_file('robots', name))
    return read_base(contract.scene_file(name),
                     (str(joints[0]), str(joints[1])) if joints else None,
                     scene.number('wheel_radius_m') if scene.has('wheel_radius_m') else None)


def _broken(path: Path, error: Exception) -> ContractError:
    return ContractError(f'{path}: every wheel needs a link, and every shape and origin its '
                         f'numbers. Got {error}. Try it with check_urdf.')


def misfits(contract: Contract, base: BaseFigures) -> list[str]:
    """Return what the contract asks for and the base cannot do or be, a sentence each."""
    return [*_speeds(contract, base), *_footprint(contract, base)]


def far_too_slow(contract: Contract, base: BaseFigures) -> str:
    """Return why a base cannot do half of what the contract asks for; empty if it can."""
    return next(iter(_speeds(contract, base, 0.5)), '')


def _speeds(contract: Contract, base: BaseFigures, ratio: float = 1.0) -> list[str]:
    """Return the fields of which the base can do less than a part of the range."""
    if base.speed_mps is None:
        return []
    found, action = [], contract.action
    for i, name in enumerate(action.paths):
        asked = max(abs(float(action.low[i])), abs(float(action.high[i])))
        if name.endswith(FORWARD):
            able, unit = base.speed_mps, 'm/s'
        elif name.endswith(TURN) and base.track_m:
            able, unit = 2.0 * base.speed_mps / base.track_m, 'rad/s'
        else:
            continue
        if ratio * asked > _SPARE * able:
            found.append(f'{name}: {contract.name} asks for up to {asked:.3g} {unit}, the wheels '
                         f'of {base.name} allow {able:.3g} ({able / asked:.0%} of it). Correct '
                         f'`velocity` in the URDF or wheels.radius_m in the profile, or lower min '
                         f'and max in the contract.')
    return found


def _footprint(contract: Contract, base: BaseFigures) -> list[str]:
    safety = contract.safety
    if base.radius_m is None or not safety.radius_m:
        return []
    if base.radius_m <= safety.radius_m + _SPARE_M:
        return []
    return [f'safety.footprint: {contract.name} says that the robot fits a circle of radius '
            f'{safety.radius_m:.3g} m, {base.name} reaches {base.radius_m:.3f} m from the middle '
            f'of its axle. Write radius_m: {math.ceil(base.radius_m * 100) / 100:.2f}']


def too_far(contract: Contract, way_m: float) -> str:
    """
    Return why a way cannot be driven before ``timeout_s`` is over, a sentence; empty if it can.

    :param way_m: to the goal; up to ``goal_radius_m`` from it is enough.
    """
    action = contract.action
    forward = field_index(action, FORWARD)
    if forward is None:
        return ''
    fastest_mps = max(abs(float(action.low[forward])), abs(float(action.high[forward])))
    needed_s = max(0.0, way_m - contract.goal_radius_m) / fastest_mps
    if needed_s <= contract.timeout_s:
        return ''
    return (f'{way_m:.1f} m to the goal take {needed_s:.0f} s at the highest speed of '
            f'{contract.name}, {fastest_mps:.3g} m/s, but termination.timeout_s is '
            f'{contract.timeout_s:g}. Write timeout_s: {math.ceil(1.5 * needed_s)}, or set nearer '
            f'goals.')
