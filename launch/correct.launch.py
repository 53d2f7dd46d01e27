"""Let a policy drive, take over, and record who drove; robot:=sim|emulated|real."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'correct' of ilw_bringup/bringup.py."""
    return describe('correct')
