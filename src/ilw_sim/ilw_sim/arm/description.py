"""An arm as tf and RViz see it: PyBullet's URDF, its meshes by their full paths."""

from pathlib import Path

import pybullet_data

from ilw_core.errors import ContractError
from ilw_core.storage.files import read_bytes
from ilw_sim.arm.model import ArmModel
from ilw_sim.sensing.robot_model import RobotModel

_MAX_URDF_BYTES = 10_000_000


def frames_of(model: ArmModel) -> RobotModel:
    """Return the frames of an arm; :raises ContractError: there is no such URDF."""
    path = urdf_file(model)
    text = read_bytes(path, _MAX_URDF_BYTES).decode()
    # Nobody has a ROS package `meshes`: it is the folder beside the file, for either way to write it.
    folder = f'filename="file://{path.parent}/meshes/'
    for written in ('filename="package://meshes/', 'filename="meshes/'):
        text = text.replace(written, folder)
    return RobotModel(text)


def urdf_file(model: ArmModel) -> Path:
    """Return the URDF of an arm; :raises ContractError: PyBullet's data has none such."""
    path = Path(pybullet_data.getDataPath()) / model.urdf
    if not path.is_file():
        raise ContractError(f'config/arms/{model.name}.yaml: urdf must be a file of '
                            f'pybullet_data. Got {model.urdf}.')
    return path
