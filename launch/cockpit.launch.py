"""A page in the browser beside nodes that take joy from it. Arguments: add --show-args."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'cockpit' of ilw_bringup/bringup.py."""
    return describe('cockpit')
