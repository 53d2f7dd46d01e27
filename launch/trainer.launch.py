"""Train and evaluate when asked. Arguments: add --show-args."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'trainer' of ilw_bringup/bringup.py."""
    return describe('trainer')
