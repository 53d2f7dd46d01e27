"""What a simulated arm is: its URDF, its joints, its tool; a file in ``config/arms``."""

from dataclasses import dataclass
from pathlib import Path

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.storage.locate import config_file
from ilw_sim.cameras.look import ArmLook, read_look

DEFAULT = 'franka_panda'
"""Where a contract's scene names none"""


@dataclass(frozen=True)
class Rod:
    """A round rod that the tool holds upright."""

    radius_m: float
    below_m: float
    """How far it reaches out below the tool; 4 cm of it are above"""


@dataclass(frozen=True)
class ArmModel:
    """One arm, with a gripper or without."""

    name: str
    """Of its file"""
    urdf: str
    """Path within ``pybullet_data``"""
    base: str
    """Frame of its poses"""
    joints: tuple[str, ...]
    """(J,) from the base to the tool"""
    home_rad: tuple[float, ...]
    """(J,) where an episode begins"""
    speed_ratio: float
    """Of the joints' largest speeds in the URDF"""
    tool: str
    """Link between the finger tips, or the flange"""
    fingers: tuple[str, ...]
    """Joints that slide from 0, closed, to their upper limit; all go alike. Empty: no gripper"""
    force_n: float
    """Of each finger"""
    finger_mps: float
    """Fastest of each finger"""
    look: ArmLook
    """What cameras see of it"""
    rod: Rod | None = None


def load_arm(name: str | Path) -> ArmModel:
    """
    Return an arm by its name in ``config/arms``, or a path.

    :raises IlwError: there is no such file, or it has a mistake.
    """
    path = config_file('arms', str(name))
    section = Section(read_yaml(path, 'an arm'), str(path))
    joints = section.texts('joints')
    model = ArmModel(
        path.stem, section.text('urdf'), section.text('base'), joints,
        section.numbers('home_rad', len(joints)),
        section.number('speed_ratio', 1.0, low=0.01, high=1.0), section.text('tool'),
        *_gripper(section), read_look(section.section('drawing', required=False)),
        _rod(section))
    section.done()
    return model


def arm_of(contract: Contract) -> ArmModel:
    """Return the arm that a contract's scene names; :raises IlwError: there is none such."""
    return load_arm(Section(contract.scene, f'{contract.name}.scene').text('arm', DEFAULT))


def _gripper(arm: Section) -> tuple[tuple[str, ...], float, float]:
    """Return fingers, their force [N] and speed [m/s]; none where the file has none."""
    if not arm.has('gripper'):
        arm.take('gripper')
        return (), 0.0, 0.0
    gripper = arm.section('gripper')
    found = (gripper.texts('fingers'), gripper.number('force_n', low=1.0, high=1000.0),
             gripper.number('finger_mps', low=0.001, high=10.0))
    gripper.done()
    return found


def _rod(arm: Section) -> Rod | None:
    if not arm.has('rod'):
        arm.take('rod')
        return None
    rod = arm.section('rod')
    found = Rod(rod.number('radius_m', low=0.002, high=0.05),
                rod.number('below_m', low=0.01, high=0.3))
    rod.done()
    return found
