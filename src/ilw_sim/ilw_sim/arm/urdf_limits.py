"""What an arm's URDF says of its joints: that they are there, and how far and fast they go."""

from dataclasses import dataclass
import math
from xml.etree import ElementTree

import numpy as np

from ilw_core.errors import ContractError
from ilw_sim.arm.model import ArmModel
from ilw_sim.arm.servo import JointLimits

_KEYS = ('lower', 'upper', 'velocity', 'effort')


@dataclass(frozen=True)
class ArmLimits:
    """Of one arm."""

    joints: JointLimits
    effort_nm: tuple[float, ...]
    """(J,) largest"""
    finger_m: float
    """How far each finger is from closed at most; 0 where there is no gripper"""


def read_limits(model: ArmModel, root: ElementTree.Element) -> ArmLimits:
    """
    Return the limits of an arm's joints.

    :param root: of its URDF.
    :raises ContractError: it lacks a joint, the tool, the base, or a limit.
    """
    where = f'config/arms/{model.name}.yaml'
    links = [link.get('name') for link in root.findall('link')]
    for key, link in (('base', model.base), ('tool', model.tool)):
        if link not in links:
            raise ContractError(f'{where}: {key} must be a link of {model.urdf}. Got {link}. '
                                f'It has: {_some(links)}.')
    joints = {joint.get('name'): joint for joint in root.findall('joint')}
    found = {}
    for name in (*model.joints, *model.fingers):
        if name not in joints:
            raise ContractError(f'{where}: every joint must be in {model.urdf}. Got {name}. '
                                f'It has: {_some(list(joints))}.')
        found[name] = _limit(model, name, joints[name])
    low, high, speed, effort = np.array([found[name] for name in model.joints]).T
    outside = (np.array(model.home_rad) < low) | (np.array(model.home_rad) > high)
    if outside.any():
        raise ContractError(f'{where}: home_rad must be within the limits of {model.urdf}. Got '
                            f'{model.home_rad[int(outside.argmax())]:g} for '
                            f'{model.joints[int(outside.argmax())]}.')
    return ArmLimits(JointLimits(low, high, model.speed_ratio * speed), tuple(effort.tolist()),
                     min((found[name][1] for name in model.fingers), default=0.0))


def _limit(model: ArmModel, name: str, joint: ElementTree.Element) -> tuple[float, ...]:
    limit = joint.find('limit')
    try:
        lower, upper, velocity, effort = values = tuple(
            float(str(None if limit is None else limit.get(key))) for key in _KEYS)
    except ValueError:
        lower = upper = velocity = effort = math.nan
        values = (math.nan,) * len(_KEYS)
    if not (all(map(math.isfinite, values)) and lower < upper and velocity > 0.0
            and effort > 0.0):
        raise ContractError(f'{model.urdf}: joint {name} needs <limit lower upper effort '
                            'velocity>, lower less than upper, the others above 0. '
                            f'Got {"none" if limit is None else dict(limit.attrib)}.')
    return values


def _some(names: list[str | None]) -> str:
    return ', '.join(str(name) for name in names[:20]) or 'none'
