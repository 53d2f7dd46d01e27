"""What every node that ILW starts is told about DDS. A choice that somebody made is left alone."""

import os

from ilw_core.locate import config_folder

_NAMES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""The first is Jazzy's, the second that of later releases"""


def dds_environment() -> dict[str, str]:
    """Return the variables to set; none where somebody chose a profile, or none is installed."""
    profile = config_folder() / 'dds' / 'fastdds.xml'
    if any(os.environ.get(name) for name in _NAMES) or not profile.is_file():
        return {}
    return dict.fromkeys(_NAMES, str(profile))
