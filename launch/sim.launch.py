"""Start the simulator alone. Arguments: ros2 launch ilw_bringup sim.launch.py --show-args."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'sim' of ilw_bringup/bringup.py."""
    return describe('sim')
