"""A user's URDF as the robot: sizes worked out by hand, and clear words where some are missing."""

from dataclasses import replace

import numpy as np
import pytest

from ilw_core.errors import ContractError
from ilw_sim.env import make_env
from ilw_sim.physics.robot import robot_of

BOX = '<collision><geometry><box size="0.3 0.2 0.1"/></geometry></collision>'
WHEEL = '''<link name="{side}_wheel"><{kind}><geometry>{shape}</geometry></{kind}></link>
<joint name="{side}_wheel_joint" type="continuous"><parent link="base_link"/>
<child link="{side}_wheel"/><origin xyz="{x} {y} 0.05" rpy="-1.5707963267948966 0 0"/>{limit}
</joint>'''
CYLINDER = '<cylinder radius="0.05" length="0.02"/>'
MESH = '<mesh filename="package://x/wheel.stl"/>'


def urdf(*, body=BOX, shape=CYLINDER, kind='collision', x=0.0, sides=(('left', 0.125),
         ('right', -0.125)), limit='<limit velocity="20" effort="2"/>', more=''):
    wheels = ''.join(WHEEL.format(side=side, y=y, x=x, shape=shape, kind=kind, limit=limit)
                     for side, y in sides)
    return f'<robot name="own"><link name="base_link">{body}</link>{wheels}{more}</robot>'


@pytest.fixture
def own(clutter, tmp_path):
    """Return a maker of contracts with a robot of one's own."""
    def make(text=None, **scene):
        (tmp_path / 'own.urdf').write_text(urdf() if text is None else text)
        return replace(clutter, folder=tmp_path,
                       scene=clutter.scene | {'robot': 'own.urdf'} | scene)

    return make


def test_wheels_track_size_and_speed_are_those_of_the_urdf(own):
    robot = robot_of(own())
    assert (robot.wheel_radius_m, robot.track_m, robot.speed_radps) == (
        0.05, pytest.approx(0.25), 20.0)
    assert robot.radius_m == pytest.approx(np.hypot(0.15, 0.1))    # a corner of the box
    assert robot.joints == ('left_wheel_joint', 'right_wheel_joint')


def test_sizes_are_taken_around_the_axle(own):
    robot = robot_of(own(urdf(x=0.1)))
    assert robot.radius_m == pytest.approx(np.hypot(0.25, 0.1))


def test_wheels_that_stand_out_count(own):
    robot = robot_of(own(urdf(sides=(('left', 0.3), ('right', -0.3)))))
    assert robot.radius_m == pytest.approx(np.hypot(0.05, 0.31), abs=1e-3)


def test_a_wheel_may_have_its_size_in_what_is_seen_only(own):
    robot = robot_of(own(urdf(kind='visual')))
    assert robot.wheel_radius_m == 0.05


def test_what_the_urdf_lacks_can_be_given(own):
    mesh = '<collision><geometry><mesh filename="a.stl"/></geometry></collision>'
    robot = robot_of(own(urdf(body=mesh, shape=MESH, limit=''), wheel_radius_m=0.04,
                         robot_radius_m=0.2))
    assert (robot.wheel_radius_m, robot.radius_m, robot.speed_radps) == (0.04, 0.2, 30.0)


def test_wheels_can_be_named_among_more(own):
    more = WHEEL.format(side='caster', y=0, x=-0.1, shape=CYLINDER, kind='collision', limit='')
    contract = own(urdf(more=more))
    with pytest.raises(ContractError, match=r'two joints.*caster_wheel_joint.*wheel_joints'):
        robot_of(contract)
    named = own(urdf(more=more), wheel_joints=['left_wheel_joint', 'right_wheel_joint'])
    assert robot_of(named).track_m == pytest.approx(0.25)


def test_a_robot_profile_names_urdf_and_wheels(clutter):
    contract = replace(clutter, scene=clutter.scene | {'robot': 'sim_diff_drive'})
    named, shipped = robot_of(contract), robot_of(clutter)
    assert (named.wheel_radius_m, named.track_m, named.radius_m) == (
        shipped.wheel_radius_m, shipped.track_m, pytest.approx(shipped.radius_m, abs=0.002))


def test_it_drives_and_its_joints_have_its_own_names(own):
    env = make_env(own())
    env.reset(seed=0)
    for _ in range(20):
        _, _, _, _, info = env.step(np.float32([0.3, 0.0]))
    joints = env.simulation.tick.readings.joint_states
    env.close()
    assert joints.name == ['left_wheel_joint', 'right_wheel_joint']
    assert joints.velocity == pytest.approx([0.3 / 0.05] * 2, rel=0.3)
    assert 0.4 < info['path_length_m'] < 0.62


BAD = {
    'no file': (None, {'robot': 'other.urdf'}, r'scene\.robot must be a URDF.*other\.urdf'),
    'no such profile': (None, {'robot': 'other'}, r'scene\.robot must be.*sim_diff_drive'),
    'not XML': ('cart: {wheels: 2}', {}, r'cannot be read as a URDF.*xacro'),
    'entities': ('<!DOCTYPE r [<!ENTITY a "b">]><robot/>', {}, r'declares entities'),
    'no wheels': ('<robot name="stone"><link name="base_link"/></robot>', {},
                  r'two joints of type continuous.*It has: none'),
    'a wrong name': (None, {'wheel_joints': ['front', 'right_wheel_joint']},
                     r"Got 'front'. It has: left_wheel_joint, right_wheel_joint"),
    'swapped': (None, {'wheel_joints': ['right_wheel_joint', 'left_wheel_joint']},
                r'Swap wheel_joints'),
    'wheels of a mesh': (urdf(shape=MESH, kind='visual'), {}, r'wheel_radius_m'),
    'a body of a mesh': (urdf(body=BOX.replace('<box size="0.3 0.2 0.1"/>', MESH)), {},
                         r'collision of base_link is a mesh.*robot_radius_m'),
    'no collisions': (urdf(body='', kind='visual'), {}, r'no collision shapes.*robot_radius_m'),
    'no number': (urdf(shape='<cylinder radius="wide" length="0.02"/>'), {},
                  r"'wide'.*check_urdf"),
    'half a box': (urdf(body=BOX.replace('0.3 0.2 0.1', '0.3 0.2')), {}, r'check_urdf'),
    'millimetres': (urdf(shape='<cylinder radius="50" length="20"/>'), {},
                    r'wheel radius.*Got 50'),
    'no link': (urdf().replace('<child link="left_wheel"/>', '<child link="gone"/>'), {},
                r'check_urdf'),
    'too large for the room': (None, {'robot_radius_m': 0.5}, r'clearance_m'),
}


@pytest.mark.parametrize('case', BAD)
def test_a_robot_that_cannot_be_used_says_why(own, case):
    text, scene, words = BAD[case]
    with pytest.raises(ContractError, match=words):
        make_env(own(text, **scene))


def test_sizes_without_a_robot_are_refused(clutter):
    contract = replace(clutter, scene=clutter.scene | {'wheel_radius_m': 0.05})
    with pytest.raises(ContractError, match='only where robot is'):
        robot_of(contract)
