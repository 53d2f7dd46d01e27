"""An arm as tf and RViz see it: PyBullet's URDF, its meshes by their full paths."""

from pathlib import Path

import pybullet_data

from ilw_core.base.urdf import MAX_URDF_BYTES, read_urdf
from ilw_core.contract.yaml_data import read_text
from ilw_core.errors import ContractError
from ilw_sim.arm.model import ArmModel
from ilw_sim.sensing.robot_model import RobotModel


def frames_of(model: ArmModel) -> RobotModel:
    """Return the frames of an arm; :raises ContractError: there is no such URDF."""
    path = urdf_file(model)
    read_urdf(path)  # says what is wrong with it
    text = read_text(path, 'a URDF', MAX_URDF_BYTES)
    # Nobody has a ROS package `meshes`: it is the folder beside the file, however written.
    folder = f'filename="file://{path.parent}/meshes/'
    for written in ('filename="package://meshes/', 'filename="meshes/'):
        text = text.replace(written, folder)
    return RobotModel(text)


def urdf_file(model: ArmModel) -> Path:
    """Return the URDF of an arm; :raises ContractError: PyBullet's data has none such."""
    path = Path(pybullet_data.getDataPath()) / model.urdf
    try:
        there = path.is_file()
    except (OSError, ValueError):  # no name that a file can have
        there = False
    if not there:
        raise ContractError(f'config/arms/{model.name}.yaml: urdf must be a file of '
                            f'pybullet_data. Got {model.urdf}.')
    return path
