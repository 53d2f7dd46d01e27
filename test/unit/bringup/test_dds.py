"""Nodes get room for messages that are not fetched yet, unless somebody chose otherwise."""

import xml.etree.ElementTree as Xml

from ilw_bringup.dds import dds_environment

NAMES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def test_nodes_get_the_profile_with_more_room(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    (profile,) = set(dds_environment().values())
    sizes = [int(e.text) for e in Xml.parse(profile).iter() if e.tag.endswith('segment_size')]
    assert sizes == [16 * 1024 * 1024]
    assert set(dds_environment()) == set(NAMES)


def test_a_profile_that_somebody_chose_stays(monkeypatch):
    monkeypatch.setenv(NAMES[0], '/my/profile.xml')
    assert dds_environment() == {}
