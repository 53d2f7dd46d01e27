"""The robot's own frames against its URDF, and the episode that a refused request leaves."""

from dataclasses import replace
import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest

from ilw_core.errors import ContractError
from ilw_sim.physics.diff_drive import read_urdf, urdf_path
from ilw_sim.sensing.readings import joint_state
from ilw_sim.sensing.robot_model import base_model
from ilw_sim.simulation import Simulation

SHIPPED = read_urdf(urdf_path())


def places(transforms):
    return {t.child_frame_id: (t.header.frame_id, tuple(vars(t.transform.translation).values()))
            for t in transforms}


def test_the_sensors_are_where_the_urdf_has_them():
    assert places(base_model(SHIPPED).fixed(5)) == {
        'caster_link': ('base_link', (-0.12, 0.0, 0.015)),
        'base_scan': ('base_link', (0.0, 0.0, 0.18)),
        'imu_link': ('base_link', (0.0, 0.0, 0.07))}


@pytest.mark.parametrize('angle', [0.0, 1.0, -2.2])
def test_a_wheel_turns_about_its_axle(angle):
    model = base_model(SHIPPED)
    left, right = model.turning(7, joint_state(7, SHIPPED.joints, np.array([angle, 0.3]),
                                               np.zeros(2)))
    assert (left.child_frame_id, right.child_frame_id) == ('wheel_left_link', 'wheel_right_link')
    turned = left.transform.rotation
    assert (turned.x, turned.y, turned.z, turned.w) == pytest.approx(
        (0.0, math.sin(angle / 2), 0.0, math.cos(angle / 2)))
    assert left.header.stamp.nanosec == 7


@pytest.mark.parametrize(('track_m', 'radius_m'), [(0.5, 0.1), (0.16, 0.03)])
def test_of_another_base_the_description_has_its_sizes_and_the_joints_of_joint_states(
        track_m, radius_m):
    base = replace(SHIPPED, track_m=track_m, wheel_radius_m=radius_m, joints=('l', 'r'),
                   shipped=False)
    model = base_model(base)
    root = ElementTree.fromstring(model.text)
    assert {j.get('name') for j in root.findall('joint')} >= {'l', 'r'}
    assert root.find("link[@name='wheel_left_link']/visual/geometry/cylinder").get('radius') == (
        f'{radius_m:.6f}')
    found = places(model.turning(0, joint_state(0, ('l', 'r'), np.zeros(2), np.zeros(2))))
    assert found['wheel_left_link'][1] == pytest.approx((0.0, track_m / 2, radius_m))
    assert found['wheel_right_link'][1] == pytest.approx((0.0, -track_m / 2, radius_m))


def test_every_frame_hangs_on_base_link_and_base_link_on_the_map(clutter):
    simulation = Simulation(clutter)
    simulation.reset(2)
    above = {child: parent for child, (parent, _) in places(
        simulation.transforms() + simulation.model.fixed(0)).items()}
    simulation.close()
    links = {link.get('name') for link in ElementTree.fromstring(simulation.model.text).iter(
        'link')}
    for frame in links - {'base_link'}:
        assert above[frame] == 'base_link'
    assert (above['base_link'], above['odom']) == ('odom', 'map')


@pytest.mark.parametrize('spoilt', [
    {'pose': [0.0, 0.0, 0.0]}, {'seed': -1}, {'actions': [[1.0, 2.0, 3.0]]},
    {'actions': [[math.nan, 0.0]]}, {'schema': 'another'}])
def test_a_refused_state_leaves_the_episode_as_it_was(clutter, spoilt):
    simulation, other = Simulation(clutter), Simulation(clutter)
    for one in (simulation, other):
        one.reset(4, 1_000)
        one.step(np.array([0.3, 0.5]))
    state = json.loads(json.dumps(simulation.state())) | {'seed': 9} | spoilt
    with pytest.raises(ContractError):
        simulation.set_state(state, 99_000)
    assert simulation.state() == other.state()
    assert simulation.step(np.array([0.2, 0.0])).readings.odom.pose.pose.position.x == (
        other.step(np.array([0.2, 0.0])).readings.odom.pose.pose.position.x)
    simulation.close()
    other.close()


def test_a_world_that_cannot_be_made_leaves_the_one_that_is_there(clutter, monkeypatch):
    simulation = Simulation(clutter)
    simulation.reset(4)
    before = simulation.state()

    def refuse(rng):
        rng.random(3)
        raise ContractError('no world')

    monkeypatch.setattr(simulation._task, 'make_scene', refuse)
    with pytest.raises(ContractError, match='no world'):
        simulation.reset(5)
    assert simulation.state() == before
    simulation.close()
