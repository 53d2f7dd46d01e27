"""An arm in PyBullet: it goes where its twist says, repeats itself, and says what it cannot do."""

from dataclasses import replace
import json

from arm_drives import by_joy, contract_of, go
import numpy as np
import pytest

from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_file
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.env import make_env
from ilw_sim.robots import make_simulation
from ilw_teleop.joystick.layout import known_joysticks


@pytest.fixture
def still():
    """Return a lift that nothing pushes aside."""
    simulation = ArmSimulation(contract_of('lift_state', veer_chance=0.0))
    simulation.reset(3)
    yield simulation
    simulation.close()


@pytest.mark.parametrize(('field', 'axis', 'value'), [
    ('x', 0, 0.1), ('y', 1, -0.1), ('z', 2, 0.1), ('yaw', 5, 0.4)])
def test_the_tool_moves_as_its_twist_says_and_along_nothing_else(still, field, axis, value):
    go(still, 3, **{field: value})
    before = np.array([*still.world.tool().xyz, *still.pose[2:]])
    go(still, 5, **{field: value})
    moved = np.array([*still.world.tool().xyz, *still.pose[2:]]) - before
    wanted = np.zeros(4)
    wanted[min(axis, 3)] = 0.5 * value
    assert moved == pytest.approx(wanted, abs=0.003)
    assert still.world.tool_twist()[axis] == pytest.approx(value, rel=0.05)


def test_told_to_stand_it_stands(still):
    before = np.array(still.world.tool().xyz)
    go(still, 10)
    assert np.array(still.world.tool().xyz) == pytest.approx(before, abs=1e-3)


def test_pushed_to_the_end_of_its_reach_it_stops_within_its_joints_limits(still):
    limits = still.world.limits.joints
    for direction in ({'x': 0.2}, {'z': 0.2}, {'x': -0.2}, {'yaw': 1.0}):
        still.reset(3)
        go(still, 60, **direction)
        joints, speeds, _ = still.world.joints()
        assert (joints[:7] > limits.low_rad).all() and (joints[:7] < limits.high_rad).all()
        assert (np.abs(speeds[:7]) < limits.speed_radps + 0.05).all()
    assert np.abs(still.world.tool_twist()[3:]).max() < 0.05  # it no longer turns


def test_the_fingers_open_and_close_alike(still):
    go(still, 8, finger=0.01)
    assert still.world.joints()[0][7:] == pytest.approx([0.01, 0.01], abs=1e-3)
    go(still, 8, finger=0.04)
    assert still.world.joints()[0][7:] == pytest.approx([0.04, 0.04], abs=1e-3)


def drive(env, seed, ticks=15):
    rng = np.random.default_rng(seed)
    low, high = env.contract.action.low, env.contract.action.high
    seen = [env.reset(seed=seed)[0]]
    seen += [env.step(rng.uniform(low, high))[0] for _ in range(ticks)]
    return np.array(seen)


@pytest.mark.parametrize('task', ['reach', 'lift_state'])
def test_the_same_seed_and_actions_give_the_same_bits_in_another_order_too(task):
    env, other = make_env(task), make_env(task)
    first = drive(env, 5)
    drive(other, 6)
    assert drive(other, 5).tobytes() == first.tobytes()
    assert drive(env, 7).tobytes() != first.tobytes()
    assert env.observation_space.contains(first[0])
    env.close()
    other.close()


def test_a_state_is_come_back_to_to_the_bit(still):
    go(still, 12, x=0.1, z=-0.15)
    state = json.loads(json.dumps(still.state()))
    here = still.observe(still.tick.readings, 0)
    further = still.observe(go(still, 3, y=0.1).readings, 0)
    still.reset(9)
    assert still.set_state(state).step == 12
    assert still.observe(still.tick.readings, 0).tobytes() == here.tobytes()
    assert still.observe(go(still, 3, y=0.1).readings, 0).tobytes() == further.tobytes()
    with pytest.raises(ContractError, match='leads elsewhere'):
        still.set_state(state | {'pose': [0.0, 0.0, 0.0]})


@pytest.mark.parametrize('task', ['reach', 'lift_state'])
def test_the_expert_solves_it_with_nothing_but_a_gamepad(task):
    assert by_joy(task, range(40, 44)) == 4


def test_reaching_for_the_other_cube_fails():
    simulation = ArmSimulation(contract_of('reach', veer_chance=0.0))
    contract = simulation.contract
    tick = simulation.reset(1)
    other = 1 - simulation.scene.target
    while not tick.ended:
        way = np.subtract(simulation.world.things()[other].xyz, simulation.world.tool().xyz)
        way[2] += 0.05
        tick = simulation.step(np.clip(3.0 * way, contract.action.low, contract.action.high))
    assert (tick.verdict.success, tick.verdict.stop_reason) == (False, 'rule')
    assert tick.step < 0.5 * contract.timeout_s * contract.rate_hz
    simulation.close()


def test_the_trigger_that_overrides_a_lidar_is_free_where_there_is_none(clutter):
    xbox = known_joysticks()['xbox']
    lift = contract_of('lift_state')
    assert xbox.mapping['override'] == '-left_trigger'
    assert xbox.lacks(lift.stick) == ''
    assert 'override' in xbox.lacks(replace(clutter.stick, buttons=lift.stick.buttons))


@pytest.mark.parametrize(('change', 'message'), [
    ({'arm': 'no_such_arm'}, 'no_such_arm'), ({'task': 'juggle'}, 'scene.task must be one of'),
    ({'x_m': [0.5, 0.4]}, 'x_m must be two numbers, the smaller first'),
    ({'lidar_rays': 36}, 'unknown key')])
def test_a_scene_that_cannot_be_is_refused_in_one_line(change, message):
    with pytest.raises(IlwError, match=message) as caught:
        make_simulation(contract_of('lift_state', **change))
    assert '\n' not in str(caught.value)


def test_cubes_that_cannot_lie_apart_are_refused_and_the_episode_before_goes_on():
    simulation = ArmSimulation(contract_of('reach', apart_m=0.5))
    with pytest.raises(ContractError, match='Ask for less apart_m'):
        simulation.reset(0)
    assert simulation.seed == -1


def test_a_command_that_no_arm_takes_is_refused():
    text = contract_of('lift_state').text.replace('topic: delta_twist_cmds', 'topic: cmd_vel')
    with pytest.raises(ContractError, match=r'servo must be one that the simulated arm takes'):
        ArmSimulation(parse_contract(text))


def test_an_arm_has_neither_the_plant_nor_the_lidar_of_a_base():
    with pytest.raises(IlwError, match=r'must be one of an arm.* Got one of a base'):
        make_env('lift_state', plant='small_base')
    with pytest.raises(IlwError, match='are those of a base'):
        make_env('lift_state', lidar_rays=36)


def test_a_urdf_that_lacks_a_joint_is_refused(tmp_path):
    text = config_file('arms', 'franka_panda').read_text()
    path = tmp_path / 'arm.yaml'
    path.write_text(text.replace('panda_joint7]', 'panda_joint9]'))
    with pytest.raises(ContractError, match=r'every joint must be in .* Got panda_joint9'):
        ArmSimulation(contract_of('lift_state', arm=str(path)))


def test_its_description_names_every_frame_and_finds_its_meshes(still):
    told = {t.child_frame_id for t in still.fixed_transforms() + still.transforms()}
    assert {'panda_link0', 'panda_link7', 'panda_leftfinger', 'panda_grasptarget'} <= told
    assert 'package://' not in still.description


def test_the_frames_lead_from_the_base_to_the_tool(still):
    at = {t.child_frame_id: t for t in still.fixed_transforms() + still.transforms()}
    place, turn, frame = np.zeros(3), np.eye(3), 'panda_grasptarget'
    while frame != 'panda_link0':
        t = at[frame].transform
        x, y, z, w = t.rotation.x, t.rotation.y, t.rotation.z, t.rotation.w
        matrix = np.array([
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])
        move = np.array([t.translation.x, t.translation.y, t.translation.z])
        place, turn, frame = move + matrix @ place, matrix @ turn, at[frame].header.frame_id
    assert place == pytest.approx(still.world.tool().xyz, abs=1e-4)
