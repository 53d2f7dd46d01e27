"""Messages travel by UDP, which no killed node can block, unless somebody chose otherwise."""

import os
import xml.etree.ElementTree as Xml

import pytest

from ilw_ros import transport

PROFILE = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Return the range of discovery and the profile's elements that rclpy was started with."""
    found = {}

    def init(**_):
        (profile,) = {os.environ[name] for name in PROFILE}
        found['range'] = os.environ.get(RANGE)
        found['profile'] = list(Xml.parse(profile).iter()) if profile.endswith('.xml') else profile

    monkeypatch.setattr(transport.rclpy, 'init', init)
    for name in (*PROFILE, 'ROS_STATIC_PEERS', 'ROS_LOCALHOST_ONLY'):
        monkeypatch.setenv(name, '')  # put back after the test, whatever it sets
    monkeypatch.setenv(RANGE, 'SUBNET')
    return found


def texts(found: dict, tag: str) -> list[str]:
    return [e.text for e in found['profile'] if e.tag.rpartition('}')[2] == tag]


def test_in_the_network_a_node_sends_and_hears_by_udp_alone(asked):
    transport.start_ros()
    assert texts(asked, 'type') == ['UDPv4']
    assert texts(asked, 'useBuiltinTransports') == ['false']
    assert not texts(asked, 'address')
    assert asked['range'] == 'SUBNET'


def test_on_this_machine_it_does_too_and_looks_for_nobody_elsewhere(asked, monkeypatch):
    monkeypatch.setenv(RANGE, 'LOCALHOST')
    transport.start_ros()
    assert texts(asked, 'type') == ['UDPv4']
    assert texts(asked, 'useBuiltinTransports') == ['false']
    assert texts(asked, 'address') == ['127.0.0.1']
    assert texts(asked, 'metatrafficUnicastLocatorList')  # else it would listen to multicast
    assert asked['range'] == 'SYSTEM_DEFAULT'  # with LOCALHOST, ROS adds shared memory
    assert os.environ[RANGE] == 'LOCALHOST'  # for what this process starts


@pytest.mark.parametrize('where', ['LOCALHOST', 'SUBNET'])
def test_who_must_miss_nothing_gets_shared_memory_with_room_beside_the_rest(
        asked, monkeypatch, where):
    monkeypatch.setenv(RANGE, where)
    transport.start_ros()
    transport.start_ros(shared_memory=True)  # a process chooses anew what its parent chose
    assert texts(asked, 'type') == ['SHM']
    assert texts(asked, 'segment_size') == [str(16 * 1024 * 1024)]
    assert not texts(asked, 'useBuiltinTransports')
    assert asked['range'] == where


def test_a_profile_of_the_checkout_is_ours_in_an_install_that_links_to_it(
        asked, monkeypatch, tmp_path):
    checkout = transport.config_folder()
    (tmp_path / 'dds').mkdir()
    for file in (checkout / 'dds').iterdir():
        (tmp_path / 'dds' / file.name).symlink_to(file)
    monkeypatch.setattr(transport, 'config_folder', lambda: tmp_path)
    for name in PROFILE:
        monkeypatch.setenv(name, str(checkout / 'dds' / 'fastdds.xml'))
    transport.start_ros()
    assert texts(asked, 'type') == ['UDPv4']


@pytest.mark.parametrize('name', PROFILE)
def test_a_profile_that_somebody_chose_stays(monkeypatch, name):
    monkeypatch.setattr(transport.rclpy, 'init', lambda **_: None)
    monkeypatch.setenv(name, '/my/profile.xml')
    transport.start_ros()
    assert [os.environ[each] for each in PROFILE] == [
        '/my/profile.xml' if each == name else '' for each in PROFILE]


@pytest.mark.parametrize(('name', 'value'), [
    ('ROS_STATIC_PEERS', '10.0.0.2'), ('ROS_LOCALHOST_ONLY', '1')])
def test_what_only_ros_itself_can_do_is_left_to_it(asked, monkeypatch, name, value):
    monkeypatch.setenv(RANGE, 'LOCALHOST')
    monkeypatch.setenv(name, value)
    transport.start_ros()
    assert asked == {'range': 'LOCALHOST', 'profile': ''}


def test_another_dds_is_left_alone(asked, monkeypatch):
    monkeypatch.setattr(transport.rclpy, 'get_rmw_implementation_identifier',
                        lambda: 'rmw_cyclonedds_cpp')
    monkeypatch.setenv(RANGE, 'LOCALHOST')
    transport.start_ros()
    assert asked == {'range': 'LOCALHOST', 'profile': ''}
