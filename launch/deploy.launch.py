"""Let a policy drive; robot:=sim|real, dry run unless enable_output:=true. Arguments: ros2 launch ilw_bringup deploy.launch.py --show-args."""

from ilw_bringup.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'deploy' of ilw_bringup/bringup.py."""
    return describe('deploy')
