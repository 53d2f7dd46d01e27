"""Give the nodes of a bring-up the names that the robot's driver uses, from its profile."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.robot_interface import RobotInterface
from ilw_teleop.arbiter.robot_profile import load_profile

if TYPE_CHECKING:
    from ilw_bringup.start.bringup import NodeSpec


def interface_of(values: Mapping[str, Any]) -> RobotInterface:
    """
    Return what the argument ``profile`` says of topics and frames.

    :raises IlwError: there is no such profile, or it has a mistake.
    """
    profile = values.get('profile', '')
    return load_profile(config_file('robots', profile)).interface if profile else RobotInterface()


def with_names(specs: Sequence['NodeSpec'], interface: RobotInterface) -> list['NodeSpec']:
    """Return the nodes with the profile's remappings, every one the same: they stay together."""
    return [replace(spec, remappings={**interface.topics, **spec.remappings}) for spec in specs]
