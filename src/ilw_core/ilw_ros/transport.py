"""Join the graph, and how messages travel in it. A choice that somebody made is left alone."""

import os
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions

from ilw_core.storage.locate import config_folder

_PROFILE = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""The first is Jazzy's, the second that of later releases"""
_RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'


def start_ros(*, shared_memory: bool = False) -> None:
    """
    Do as ``rclpy.init`` does, with signals left to the caller, and have Fast DDS use UDP alone.

    Its shared memory has locks that a killed or hung reader keeps. Whoever sends to that reader
    then waits a second for each message, a command to stop among them.

    :param shared_memory: use that too, with room for 5 s of two cameras: for who must miss
        nothing, and commands nobody.
    """
    found = os.environ.get(_RANGE)
    try:
        _choose(shared_memory=shared_memory)
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    finally:
        if found is not None:
            os.environ[_RANGE] = found


def _choose(*, shared_memory: bool) -> None:
    local = os.environ.get(_RANGE) == 'LOCALHOST'
    if not rclpy.get_rmw_implementation_identifier().startswith('rmw_fastrtps'):
        return
    if os.environ.get('ROS_LOCALHOST_ONLY') == '1' or (
            local and os.environ.get('ROS_STATIC_PEERS')):
        return  # ROS itself adds shared memory then, and does not say how to go without
    folder = config_folder() / 'dds'
    profile = folder / ('fastdds.xml' if shared_memory else
                        'udp_local.xml' if local else 'udp.xml')
    # Ours, too, where a shell names it in the checkout and this process finds it in the install.
    ours = {path.resolve() for path in folder.glob('*.xml')}
    given = {Path(os.environ[name]).resolve() for name in _PROFILE if os.environ.get(name)}
    if not profile.is_file() or not given <= ours:
        return
    os.environ.update(dict.fromkeys(_PROFILE, str(profile)))
    if profile.name == 'udp_local.xml':  # it says what LOCALHOST would, but for shared memory
        os.environ[_RANGE] = 'SYSTEM_DEFAULT'
