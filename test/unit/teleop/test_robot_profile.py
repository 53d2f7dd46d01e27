"""A machine's own limits are kept beside the contract's, and what nobody vouches for is said."""

from dataclasses import replace

import numpy as np
import pytest

from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.robot_profile import Joint, RobotProfile, doubts, load_profile

URDF = """<robot name="arm"><link name="a"/><link name="b"/>
<joint name="elbow" type="revolute"><parent link="a"/><child link="b"/>
<limit lower="-0.5" upper="0.4" velocity="0.7" effort="1"/></joint></robot>"""


def test_the_simulated_robots_wheels_come_from_its_urdf():
    profile = load_profile(config_file('robots', 'sim_diff_drive'))
    assert (profile.command_timeout_s, profile.wheels.radius_m) == (0.5, 0.033)
    assert (profile.wheels.track_m, profile.wheels.speed_radps) == (0.24, 30.0)


def test_a_twist_the_wheels_cannot_turn_is_scaled_on_its_curve(clutter):
    profile = load_profile(config_file('robots', 'sim_diff_drive'))
    assert profile.saturate(np.array([0.5, 1.5]), clutter.action)[1] == ()
    scaled, reasons = profile.saturate(np.array([0.9, 3.0]), clutter.action)
    assert reasons == ('wheels',)
    assert scaled[0] + scaled[1] * 0.12 == pytest.approx(30.0 * 0.033)
    assert scaled[1] / scaled[0] == pytest.approx(3.0 / 0.9)


def test_a_joints_limits_tighten_the_contracts(tmp_path, clutter):
    (tmp_path / 'arm.urdf').write_text(URDF)
    path = tmp_path / 'arm.yaml'
    path.write_text('robot: arm\nurdf: arm.urdf\njoints: {twist.angular.z: elbow}\n')
    action = load_profile(path).tighten(clutter.action)
    assert (action.low[1], action.high[1], action.max_rate[1]) == (-0.5, 0.4, 0.7)
    assert (action.low[0], action.high[0]) == (0.0, 0.5)


def test_limits_that_leave_nothing_or_exclude_the_stop_are_refused(clutter):
    def arm(low, high):
        return RobotProfile('arm', 1.0, None, {'twist.linear.x': Joint(low, high, 1.0)})
    with pytest.raises(ContractError, match='no value in common'):
        arm(0.6, 0.7).tighten(clutter.action)
    with pytest.raises(ContractError, match='stop action'):
        arm(0.1, 0.7).tighten(clutter.action)


@pytest.mark.parametrize(('text', 'word'), [
    ('robot: arm\nurdf: none.urdf\n', 'no file'),
    ('robot: arm\nurdf: package://ilw_sim/../../x.urdf\n', 'leaves its package'),
    ('robot: arm\nurdf: arm.urdf\njoints: {a: knee}\n', 'a joint of the URDF'),
    ('robot: arm\nurdf: bomb.urdf\n', 'entities'),
    ('robot: arm\nspeed: 3\n', 'speed'),
])
def test_a_profile_with_a_mistake_is_refused_by_name(tmp_path, text, word):
    (tmp_path / 'arm.urdf').write_text(URDF)
    (tmp_path / 'bomb.urdf').write_text('<!DOCTYPE x [<!ENTITY a "b">]><robot>&a;</robot>')
    (tmp_path / 'mine.yaml').write_text(text)
    with pytest.raises(IlwError, match=word):
        load_profile(tmp_path / 'mine.yaml')


def test_what_nobody_vouches_for_is_said(clutter):
    assert 'No robot profile' in doubts(clutter, None)[0]
    turtlebot = load_profile(config_file('robots', 'turtlebot3'))
    assert 'command_timeout_s' in doubts(clutter, turtlebot)[0]
    assert doubts(clutter, load_profile(config_file('robots', 'sim_diff_drive'))) == []
    blind = replace(clutter, safety=replace(clutter.safety, scan=None))
    assert any('no lidar' in text for text in doubts(blind, turtlebot))


@pytest.mark.parametrize(('old', 'new'), [
    ('velocity="30"', 'velocity="fast"'), ('velocity="30"', 'velocity="nan"'),
    ('velocity="30"', 'velocity="-1"'), ('xyz="0 0.08 0"', 'xyz="0"'),
    ('xyz="0 0.08 0"', 'xyz="0 inf 0"'), ('lower="-1"', 'lower="low"')])
def test_a_urdf_with_nonsense_is_refused(tmp_path, old, new):
    urdf = ('<robot name="r"><joint name="it\'s" type="revolute"><origin xyz="0 0.08 0"/>'
            '<limit lower="-1" upper="1" velocity="30"/></joint></robot>')
    (tmp_path / 'robot.yaml').write_text(
        'robot: r\nurdf: r.urdf\njoints: {a: "it\'s"}\n'
        'wheels: {left: "it\'s", right: "it\'s", radius_m: 0.1}\n')
    (tmp_path / 'r.urdf').write_text(urdf)
    assert load_profile(tmp_path / 'robot.yaml').wheels is not None
    assert old in urdf
    (tmp_path / 'r.urdf').write_text(urdf.replace(old, new))
    with pytest.raises(ContractError):
        load_profile(tmp_path / 'robot.yaml')
