"""Read an emulator profile, ``config/emulators/*.yaml``: every trait with a value."""

from dataclasses import fields
from pathlib import Path

from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.storage.locate import config_file
from ilw_emulator.traits import PARTS, Body, EmulatorProfile


def load_emulator(profile: str | Path) -> EmulatorProfile:
    """
    Read a profile: each trait a number, or the two ends of an interval.

    :param profile: a name in ``config/emulators``, or a path.
    :raises IlwError: there is none, a trait is missing, unknown or out of bounds.
    """
    path = config_file('emulators', str(profile))
    root = Section(read_yaml(path, 'an emulator profile'), str(path))
    name = root.text('emulator')
    section = root.section('body')
    body = Body(**{item.name: section.number(item.name, low=0.01, high=2.0)
                   for item in fields(Body)})
    section.done()
    intervals = {}
    for part, kind in PARTS.items():
        section = root.section(part)
        for item in fields(kind):
            intervals[part, item.name] = section.interval(item.name, *item.metadata['bounds'])
        section.done()
    root.done()
    return EmulatorProfile(name, body, intervals)
