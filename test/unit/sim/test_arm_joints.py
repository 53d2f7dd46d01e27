"""Joints that are told where to be, and what presses on the gripper."""

from arm_drives import by_joy, contract_of, go
import numpy as np
import pytest

from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_sim.arm.description import frames_of, urdf_file
from ilw_sim.arm.kinematics import Kinematics
from ilw_sim.arm.model import load_arm
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.env import make_env

TEXT = load_contract(config_file('tasks', 'reach_joints')).text
JOINTS = load_arm('franka_panda').joints
ARRAY = TEXT.replace('arm_controller/joint_trajectory', 'arm_controller/commands').replace(
    'trajectory_msgs/msg/JointTrajectory', 'std_msgs/msg/Float64MultiArray').replace(
    'points[0].positions[', 'data[')
ARRAY = '\n'.join(line for line in ARRAY.split('\n')
                  if not line.strip().startswith(('set:', 'joint_names:', 'points[0].time')))


def told(text, change, ticks=8):
    """Return where the joints were and where they are after some ticks of one command."""
    simulation = ArmSimulation(parse_contract(text))
    simulation.reset(2)
    before = simulation.world.joints()[0][:7]
    for _ in range(ticks):
        simulation.step(before + change)
    after, speeds, _ = simulation.world.joints()
    limits = simulation.world.limits.joints
    simulation.close()
    return before, after[:7], speeds[:7], limits


@pytest.mark.parametrize('text', [TEXT, ARRAY], ids=['trajectory', 'array'])
def test_every_joint_goes_where_it_is_told_and_stays(text):
    change = np.array([0.1, -0.05, 0.08, 0.12, -0.1, 0.06, -0.2])
    before, after, speeds, _ = told(text, change)
    assert after - before == pytest.approx(change, abs=0.005)
    assert speeds == pytest.approx(np.zeros(7), abs=0.02)


def test_joints_named_in_another_order_are_these_joints():
    first, third = JOINTS[0], JOINTS[2]
    text = TEXT.replace(f'joint_names: [{first}, {JOINTS[1]}, {third},',
                        f'joint_names: [{third}, {JOINTS[1]}, {first},')
    assert text != TEXT
    simulation = ArmSimulation(parse_contract(text))
    simulation.reset(2)
    before = simulation.world.joints()[0][:7]
    for _ in range(8):
        simulation.step(before[[2, 1, 0, 3, 4, 5, 6]] + [0, 0, 0.1, 0, 0, 0, 0])
    assert simulation.world.joints()[0][:7] - before == pytest.approx(
        [0.1, 0, 0, 0, 0, 0, 0], abs=0.005)
    simulation.close()


def test_a_far_command_is_gone_to_no_faster_than_the_joints_may_and_no_further():
    _, after, speeds, limits = told(TEXT, np.full(7, 9.0), ticks=2)
    assert (np.abs(speeds) < limits.speed_radps + 0.05).all()
    assert np.abs(speeds).max() > 0.5 * limits.speed_radps.min()
    _, after, speeds, limits = told(TEXT, np.array([9.0, 0, 0, 0, 0, 0, 0]), ticks=60)
    assert after[0] == pytest.approx(limits.high_rad[0], abs=0.01)


def test_an_episode_begins_where_the_joints_are_and_nothing_jumps():
    env = make_env('reach_joints')
    _, info = env.reset(seed=4)
    simulation = env.simulation
    joints = simulation.world.joints()[0][:7]
    assert info['applied'] == pytest.approx(joints, abs=1e-3)
    env.step(info['applied'])
    assert simulation.world.joints()[0][:7] == pytest.approx(joints, abs=2e-3)
    env.close()


@pytest.mark.long
def test_the_expert_reaches_by_four_joints_on_four_sticks():
    assert by_joy('reach_joints', range(40, 44)) == 4


def test_the_jacobian_of_the_urdf_is_that_of_the_physics():
    arm = load_arm('franka_panda')
    simulation = ArmSimulation(contract_of('reach_joints'))
    simulation.reset(0)
    joints = np.array([0.3, -0.4, 0.5, -2.0, 0.6, 1.9, -0.7])
    kinematics = Kinematics(frames_of(arm), arm.base, arm.tool, arm.joints)
    found = kinematics.jacobian(dict(zip(arm.joints, joints, strict=True)))
    assert found == pytest.approx(simulation.world._jacobian(joints), abs=1e-4)
    simulation.close()


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('joint_names: [panda_joint1,', 'joint_names: [elbow,', 'must be joints of franka_panda'),
    ("points[0].positions[6]'", "points[0].positions[7]'", 'one position for each of 7 joints'),
    ("points[0].positions[6]'", "points[0].velocities[6]'", 'one position for each of 7 joints'),
    ('joint_names: [panda_joint1, ', 'joint_names: [panda_joint1, panda_finger_joint1, ',
     'must be joints of franka_panda'),
    ('arm: franka_panda', 'arm: kuka_iiwa', 'must be joints of kuka_iiwa')])
def test_joints_that_do_not_match_are_refused_in_one_line(old, new, message):
    assert TEXT.count(old) == 1
    with pytest.raises(ContractError, match=message) as caught:
        ArmSimulation(parse_contract(TEXT.replace(old, new)))
    assert '\n' not in str(caught.value)


def test_a_held_cube_weighs_on_the_gripper_and_free_air_does_not():
    simulation = ArmSimulation(contract_of('lift_state', veer_chance=0.0))
    simulation.reset(3)
    assert simulation.reading('wrench').wrench.force.z == 0.0
    cube = simulation.world.things()[0]
    for step in range(45):
        way = np.subtract(cube.xyz, simulation.world.tool().xyz)
        v = np.clip(5.0 * way, -0.2, 0.2)
        go(simulation, 1, x=v[0], y=v[1], z=v[2] if step > 15 else 0.0)
    go(simulation, 8, finger=0.0)
    go(simulation, 10, finger=0.0, z=0.1)
    go(simulation, 4, finger=0.0)
    found = simulation.reading('wrench')
    assert simulation.world.things()[0].xyz[2] > 0.08
    assert found.header.frame_id == 'panda_grasptarget'
    kg = 800.0 * 0.04 ** 3
    force = found.wrench.force  # the tool looks down: z is along gravity
    assert [force.x, force.y, force.z] == pytest.approx([0.0, 0.0, 9.81 * kg], abs=0.05)
    simulation.close()


def arm_file(folder, *swaps):
    """Return the path of an arm whose URDF is the Panda's with some text otherwise."""
    arm = config_file('arms', 'franka_panda').read_text()
    urdf = urdf_file(load_arm('franka_panda')).read_text()
    for old, new in swaps:
        assert urdf.count(old) >= 1, old
        urdf = urdf.replace(old, new, 1)
    (folder / 'other.urdf').write_text(urdf)
    (folder / 'other.yaml').write_text(arm.replace('franka_panda/panda.urdf',
                                                   str(folder / 'other.urdf')))
    return str(folder / 'other.yaml')


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('<limit effort="87" lower="-2.9671" upper="2.9671" velocity="2.1750"/>', '',
     r'joint panda_joint1 needs <limit .* Got none'),
    ('lower="-1.8326"', 'lower="1.9"', 'joint panda_joint2 needs <limit'),
    ('velocity="2.1750"', 'velocity="nan"', 'joint panda_joint1 needs <limit'),
    ('velocity="2.1750"', 'velocity="0"', 'joint panda_joint1 needs <limit'),
    ('upper="2.9671"', '', 'joint panda_joint1 needs <limit'),
    ('lower="-1.8326"', 'lower="-0.1"', r'home_rad must be within .* Got -0.215 for panda_joint2'),
    ('</robot>', '', 'cannot be read as a URDF'),
    ('name="panda_joint4"', 'name="elbow"', 'every joint must be in .* Got panda_joint4'),
    ('<link name="panda_grasptarget"', '<link name="tip"', 'tool must be a link')])
def test_a_urdf_that_says_too_little_is_refused_in_one_line(tmp_path, old, new, message):
    arm = arm_file(tmp_path, (old, new))
    with pytest.raises(ContractError, match=message) as caught:
        ArmSimulation(contract_of('lift_state', arm=arm))
    assert '\n' not in str(caught.value)


def test_a_urdf_whose_meshes_are_missing_is_refused_in_one_line(tmp_path):
    simulation = ArmSimulation(contract_of('lift_state', arm=arm_file(tmp_path)))
    with pytest.raises(ContractError, match='Are its meshes where it says'):
        simulation.reset(0)
    simulation.close()


@pytest.mark.parametrize(('task', 'old', 'new', 'message'), [
    ('lift_state', 'min: 0.0, max: 0.04, max_rate: 0.4', 'min: 0.0, max: 0.08, max_rate: 0.4',
     r'finger must be within 0 to 0.04 m, the limits of franka_panda\. Got min 0, max 0.08'),
    ('reach_joints', 'min: -2.847, max: 2.847', 'min: -3.1, max: 2.847',
     'panda_joint1 must be within -2.9671 to 2.9671 rad')])
def test_a_command_beyond_what_the_arm_can_do_is_refused_in_one_line(task, old, new, message):
    text = contract_of(task).text
    assert text.count(old) >= 1
    with pytest.raises(ContractError, match=message) as caught:
        ArmSimulation(parse_contract(text.replace(old, new, 1)))
    assert '\n' not in str(caught.value)
