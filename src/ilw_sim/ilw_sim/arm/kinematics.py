"""How an arm's tool moves with its joints, from the URDF: what an expert at joint sticks knows."""

from collections.abc import Mapping

import numpy as np

from ilw_core.errors import ContractError
from ilw_sim.sensing.robot_model import ModelJoint, RobotModel

_LEVEL = (0, 1, 2, 3, 4)
"""Of a twist: all but the turn about the vertical"""


class Kinematics:
    """
    The chain from the base to the tool.

    :param joints: (J,) those that turn; the others are where they are measured.
    :raises ContractError: no chain of joints leads from the base to the tool.
    """

    def __init__(self, model: RobotModel, base: str, tool: str, joints: tuple[str, ...]) -> None:
        above = {joint.child: joint for joint in model.joints}
        self._chain: list[ModelJoint] = []
        link = tool
        while link != base:
            if link not in above or len(self._chain) > len(above):
                raise ContractError(f'tool must be a link that joints lead to from {base}. '
                                    f'Got {tool}.')
            self._chain.insert(0, above[link])
            link = above[link].parent
        self._joints = joints

    def jacobian(self, at_rad: Mapping[str, float]) -> np.ndarray:
        """
        Return the tool's Jacobian in the frame of the base, ``(6, J)``, linear rows first.

        :param at_rad: joint -> where it is.
        """
        place, turn = np.zeros(3), np.eye(3)
        axes: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for joint in self._chain:
            xyz, xyzw = (joint.place(at_rad.get(joint.name, 0.0)) if joint.axis
                         else (joint.xyz, joint.xyzw))
            place, turn = place + turn @ np.array(xyz), turn @ _matrix(xyzw)
            if joint.name in self._joints:
                axes[joint.name] = turn @ np.array(joint.axis), place
        columns = [(*np.cross(axis, place - origin), *axis)
                   for axis, origin in (axes[name] for name in self._joints)]
        return np.array(columns).T

    def speeds(self, at_rad: Mapping[str, float], twist: np.ndarray) -> np.ndarray:
        """
        Return the joint speeds ``(J,)`` that come nearest to a twist ``(6,)`` of the tool.

        It is kept level; how it is turned about the vertical is left to the joints.
        """
        rows = self.jacobian(at_rad)[_LEVEL, :]
        return np.linalg.lstsq(rows, twist[list(_LEVEL)], rcond=1e-3)[0]


def _matrix(xyzw: tuple[float, ...]) -> np.ndarray:
    x, y, z, w = xyzw
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])
