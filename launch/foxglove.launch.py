"""Every topic to Foxglove, beside nodes that run. Arguments: add --show-args."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'foxglove' of ilw_bringup/bringup.py."""
    return describe('foxglove')
