"""Drive by hand and record each episode; robot:=sim|emulated|real."""

from ilw_bringup.start.launch_files import describe
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the bring-up 'record' of ilw_bringup/bringup.py."""
    return describe('record')
