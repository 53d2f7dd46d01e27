"""Let a policy drive; robot:=sim|emulated|real, a dry run unless enable_output:=true."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'deploy' of ilw_bringup/bringup.py."""
    return describe('deploy')
