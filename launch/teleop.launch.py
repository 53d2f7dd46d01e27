"""Drive by hand. Arguments: ros2 launch ilw_bringup teleop.launch.py --show-args."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'teleop' of ilw_bringup/bringup.py."""
    return describe('teleop')
