"""The emulator in the simulator's worlds: the same places, seen alike, and the same keys."""

from dataclasses import replace
import math

from click.testing import CliRunner
import numpy as np
import pytest

from ilw_bringup.cli import ilw
from ilw_bringup.emulator_worlds import SimulatedWorlds, make_env, mild, nasty, world_file
from ilw_emulator.env import EmulatorEnv
from ilw_emulator.traits import Body, EmulatorProfile
from ilw_emulator.world import load_world
from ilw_sim.driver.expert import Expert
from ilw_sim.env import make_env as make_simulated
from ilw_sim.tasks.grid import Grid
from ilw_sim.tasks.scene import distance

PERFECT = EmulatorProfile('perfect', Body(), {})


@pytest.fixture
def simulated(contract):
    """Return the simulator's environment without noise."""
    quiet = {'lidar_noise_m': 0.0, 'odom_slip_noise_ratio': 0.0, 'odom_scale_noise_ratio': 0.0,
             'veer_chance': 0.0}
    made = make_simulated(replace(contract, scene=contract.scene | quiet))
    yield made
    made.close()


def test_both_have_the_same_worlds_and_see_them_alike(simulated):
    emulated = EmulatorEnv(simulated.contract, PERFECT, SimulatedWorlds(simulated.contract))
    for seed in (0, 3, 1_000_000):
        seen, told = simulated.reset(seed=seed)
        seen_too, told_too = emulated.reset(seed=seed)
        scene, world = simulated.simulation.scene, emulated.robot.world
        assert (world.start, world.goal) == (scene.start, scene.goal)
        assert told_too['shortest_path_m'] == told['shortest_path_m']
        assert told_too['valid'].all()
        # PyBullet's robot settles by a millimetre, and its cylinders are round within 1 cm.
        near = np.abs(seen_too - seen) < 0.02
        assert near.mean() > 0.97, 'a beam may pass an edge on the other side'
        assert set(told) == set(told_too)


def test_both_measure_the_distance_to_what_stands_around_alike(simulated):
    simulated.reset(seed=5)
    emulated = EmulatorEnv(simulated.contract, PERFECT, SimulatedWorlds(simulated.contract))
    emulated.reset(seed=5)
    rng = np.random.default_rng(0)
    shapes, room = simulated.simulation.scene.shapes, emulated.robot.drive._room
    for x, y in rng.uniform(0.0, 5.6, (200, 2)):
        there = float(distance(shapes, x, y))
        if there > 0.0:
            assert room.clearance(x, y)[0] == pytest.approx(there, abs=1e-9)


def test_the_same_drive_ends_at_the_same_place(simulated):
    """A perfect machine is late by its lag, and by nothing else."""
    emulated = EmulatorEnv(simulated.contract, PERFECT, SimulatedWorlds(simulated.contract))
    ends = []
    for env in (simulated, emulated):
        env.reset(seed=2)
        spec = env.contract.action
        for turn in (1, -1, 1, 1):
            for _ in range(5):
                action = 2 if spec.discrete else np.array([0.0, turn * 0.6], np.float32)
                *_, info = env.step(action)
        ends.append(info['pose'])
    assert math.dist(ends[0][:2], ends[1][:2]) < 0.05
    assert math.remainder(ends[0][2] - ends[1][2], 2.0 * math.pi) == pytest.approx(0.0, abs=0.15)


def test_the_expert_reaches_every_goal_on_typical_machines_by_their_odometry(contract):
    emulated = make_env(contract)
    for seed in range(5):
        _, info = emulated.reset(seed=seed)
        expert = Expert(contract, np.random.default_rng(seed), 0.0)
        world, room = emulated.robot.world, emulated.robot.drive._room
        empty = Grid(0.1, (-0.1, -0.1), np.zeros((82, 82)))
        xs, ys = empty.centres()
        expert.plan(replace(empty, clearance_m=np.array([
            room.clearance(x, y)[0] for x, y in zip(xs.flat, ys.flat, strict=True)
        ]).reshape(xs.shape)), world.goal)
        ended = False
        while not ended:
            action = expert.drive(emulated.robot.drive.odom_pose)
            if contract.action.discrete:
                action = int(contract.action.nearest(action[None])[0])
            _, _, terminated, truncated, info = emulated.step(action)
            ended = terminated or truncated
        assert info['success'], (seed, info)


def test_each_profile_has_a_name_for_the_command_line(clutter):
    for make, name in ((make_env, 'typical'), (mild, 'mild'), (nasty, 'nasty')):
        assert make(clutter).profile.name == name


def test_a_world_file_holds_the_world_of_the_seed(contract, tmp_path):
    path = world_file(contract.name, 9, tmp_path)
    assert load_world(path) == SimulatedWorlds(contract)(9)
    assert world_file(contract.name, 9, tmp_path) == path
    assert [p.name for p in tmp_path.iterdir()] == [path.name], 'nothing else is left'


def test_the_command_line_prints_a_world_file(maze, tmp_path):
    ran = CliRunner().invoke(ilw, ['world', '--task', 'maze', '--seed', '2'])
    (tmp_path / '2.yaml').write_text(ran.output)
    assert load_world(tmp_path / '2.yaml') == SimulatedWorlds(maze)(2)


def test_an_emulated_arm_has_the_worlds_of_the_simulated_one_and_answers_otherwise():
    simulated, arm, again = (make_simulated('lift_state'), make_env('lift_state', seed=7),
                             make_env('lift_state', seed=7))
    push, went = np.array([0.2, 0.0, 0.0, 0.0, 0.04]), []
    for env in (simulated, arm, again):
        env.reset(seed=5)
        things = env.simulation.world.things()[0].xyz
        begin = env.simulation.pose[0]
        for _ in range(4):
            seen = env.step(push)[0]
        went.append((things, env.simulation.pose[0] - begin, seen))
        env.close()
    assert went[0][0] == pytest.approx(went[1][0], abs=1e-6)
    assert 0.2 * went[0][1] < went[1][1] < 0.8 * went[0][1], 'late, and by less'
    assert np.array_equal(went[1][2], went[2][2]), 'the same machine and episode: the same bits'


def test_each_emulated_arm_is_another_unless_it_is_named():
    envs = [make_env('lift_state'), make_env('lift_state', seed=7)]
    gains = [[(env.reset(seed=s), env.simulation.answer.gains[0])[1] for s in (1, 2)]
             for env in envs]
    for env in envs:
        env.close()
    assert gains[0][0] != gains[0][1]
    assert gains[1][0] == gains[1][1]
