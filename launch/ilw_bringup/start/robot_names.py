"""Which names of topics and frames the robot's driver uses: its profile says."""

from collections.abc import Mapping
from typing import Any

from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.robot_interface import RobotInterface
from ilw_teleop.arbiter.robot_profile import load_profile


def interface_of(values: Mapping[str, Any]) -> RobotInterface:
    """
    Return what the argument ``profile`` says of topics and frames.

    :raises IlwError: there is no such profile, or it has a mistake.
    """
    profile = values.get('profile', '')
    return load_profile(config_file('robots', profile)).interface if profile else RobotInterface()
