"""The task push_t: how its block slides, how the tool keeps its height, who pushes it home."""

from dataclasses import replace
import math

from arm_drives import by_joy, contract_of, go
import numpy as np
import pytest

from ilw_core.errors import ContractError
from ilw_sim.arm.model import load_arm
from ilw_sim.arm.scene import inertia
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.arm.tasks import push_expert, pushing
from ilw_sim.arm.tasks.push_expert import PushExpert
from ilw_sim.arm.tasks.push_t import blocks_of, outline_of
from ilw_sim.arm.tasks.pushing import Planner, contacts_of, seen_after
from ilw_sim.arm.tasks.view import View
from ilw_sim.arm.tasks.ways_round import WaysRound

UNIT_M, RADIUS_M, GOAL = 0.05, 0.0125, (0.52, 0.0, -0.7854)
TASK = 'push_t_state'


@pytest.fixture
def still():
    """Return a simulation in which nothing pushes the tool aside."""
    simulation = ArmSimulation(contract_of(TASK, veer_chance=0.0))
    yield simulation
    simulation.close()


def begin(simulation, block, tool):
    """Reset to a block and a tool at x, y."""
    return simulation.reset(0, change=lambda scene: replace(
        scene, things=(replace(scene.things[0], place=block), scene.things[1]),
        tool_m=(*tool, 0.07)))


def block_of(simulation):
    """Return x, y, z and yaw of the block, and how far it is tipped [rad]."""
    at = simulation.world.things()[0]
    x, y, z, w = at.xyzw
    return (*at.xyz, math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)),
            2 * math.hypot(x, y))


def overlap_of(simulation):
    values = simulation.observe(simulation.tick.readings, simulation.tick.stamp_ns)
    return float(values[list(simulation.contract.obs_names).index('overlap.ratio')])


def test_the_block_weighs_and_turns_as_its_two_bars_of_wood(still):
    still.reset(0)
    info = still.world.client.getDynamicsInfo(still.world._things[0], -1)
    kg = 0.8e3 * 0.04 * (0.2 * 0.05 + 0.05 * 0.15)
    assert info[0] == pytest.approx(kg)
    cells = np.array([(x, y, 0.0) for x in np.arange(-0.1, 0.1, 0.001) + 0.0005
                      for y in np.arange(-0.14, 0.08, 0.001) + 0.0005
                      if (abs(y - 0.042857) < 0.025) or (abs(x) < 0.025 and -0.132 < y < 0.018)])
    about_z = kg * (cells[:, 0] ** 2 + cells[:, 1] ** 2).mean()
    assert info[2][2] == pytest.approx(about_z, rel=0.02)
    assert cells.mean(axis=0) == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)
    assert info[3] == pytest.approx([0.0, 0.0, 0.0])


def test_moments_of_two_boxes_are_those_of_the_one_that_they_make():
    whole = inertia([2.0], [[0.1, 0.2, 0.3]], [[0.0, 0.0, 0.0]])
    halves = inertia([1.0, 1.0], [[0.05, 0.2, 0.3]] * 2, [[-0.05, 0.0, 0.0], [0.05, 0.0, 0.0]])
    assert halves == pytest.approx(whole)
    assert whole == pytest.approx([2.0 / 3.0 * (0.2 ** 2 + 0.3 ** 2),
                                   2.0 / 3.0 * (0.1 ** 2 + 0.3 ** 2),
                                   2.0 / 3.0 * (0.1 ** 2 + 0.2 ** 2)])


def test_pushed_through_its_middle_it_goes_as_far_as_the_rod_flat_and_without_a_turn(still):
    begin(still, (0.5, 0.0, math.pi / 2), (0.3, 0.0))
    x, *_ = block_of(still)
    face_m = x - 19.0 / 14.0 * UNIT_M - RADIUS_M  # the bar's outer face, stem ahead
    for _ in range(20):
        go(still, 1, **{'twist.linear.x': 0.1})
        assert block_of(still)[4] < 0.01 and abs(block_of(still)[2] - 0.02) < 0.001
    go(still, 3)
    x_now, y, _, yaw, _ = block_of(still)
    tool_m = still.world.tool().xyz[0]
    assert x_now - x == pytest.approx(tool_m - face_m, abs=0.002)
    assert abs(y) < 0.003 and yaw == pytest.approx(math.pi / 2, abs=0.06)


def test_pushed_at_the_end_of_its_bar_it_turns_and_nothing_flies(still):
    begin(still, (0.5, 0.0, math.pi / 2), (0.39, -0.08))
    for _ in range(15):
        go(still, 1, **{'twist.linear.x': 0.2})
        assert block_of(still)[4] < 0.02 and block_of(still)[2] < 0.022
    assert block_of(still)[3] > math.pi / 2 + 0.5
    assert np.hypot(*np.array(block_of(still)[:2]) - (0.5, 0.0)) < 0.15


def test_the_tool_keeps_its_height_and_stays_upright_wherever_it_goes():
    simulation = ArmSimulation(contract_of(TASK, veer_chance=0.5, veer_mps=0.2))
    begin(simulation, (0.35, 0.2, 0.0), (0.45, -0.1))
    for step in range(60):
        angle = step / 5
        go(simulation, 1, **{'twist.linear.x': 0.2 * math.cos(angle),
                             'twist.linear.y': 0.2 * math.sin(angle)})
        place, axes = simulation.world._tool_frame()
        assert place[2] == pytest.approx(0.07, abs=0.001)
        assert axes == pytest.approx(np.diag([1.0, -1.0, -1.0]), abs=0.01)
    simulation.close()


def test_the_rod_stays_in_the_hand_and_its_push_is_felt(still):
    begin(still, (0.5, 0.0, math.pi / 2), (0.4, 0.0))
    go(still, 3)
    assert not still.world.wrench.any()
    go(still, 6, **{'twist.linear.x': 0.1})
    rod = np.array(still.world.client.getBasePositionAndOrientation(still.world._rod)[0])
    assert rod - still.world.tool().xyz == pytest.approx([0.0, 0.0, -0.01], abs=5e-4)
    weight_n = 0.8e3 * 0.04 * 0.0175 * 9.81
    assert abs(still.world.wrench[0]) == pytest.approx(0.4 * weight_n, rel=0.35)


def test_the_goal_is_drawn_and_cannot_be_touched(still):
    begin(still, (0.4, 0.25, 0.0), (0.48, -0.15))
    go(still, 20, **{'twist.linear.y': 0.15})
    assert still.world.things()[1].xyz == pytest.approx((*GOAL[:2], 0.0))
    assert not still.world.wrench.any()


def test_on_its_goal_for_three_ticks_it_is_done_and_beside_it_not(still):
    begin(still, GOAL, (0.6, 0.2))
    assert overlap_of(still) == pytest.approx(1.0, abs=0.01)
    assert [go(still, 1).verdict.success for _ in range(3)] == [False, False, True]
    begin(still, (GOAL[0] + 0.012, *GOAL[1:]), (0.6, 0.2))
    assert overlap_of(still) < 0.95
    assert not go(still, 10).verdict.success


def test_worlds_begin_anyhow_and_never_with_the_tool_in_the_block(still):
    yaws = []
    for seed in range(30):
        scene = still._task.make_scene(np.random.default_rng(seed), 7)
        yaws.append(scene.things[0].place[2])
        assert math.dist(scene.tool_m[:2], scene.things[0].place[:2]) > 0.15
    assert np.ptp(yaws) > 5.0


def test_a_table_without_room_for_a_tool_beside_the_block_is_refused():
    simulation = ArmSimulation(contract_of(TASK, x_m=[0.48, 0.5], y_m=[0.0, 0.02]))
    with pytest.raises(ContractError, match=r'scene.x_m must be .* room beside the block'):
        simulation.reset(0)
    simulation.close()


def test_a_place_that_the_arm_does_not_come_to_is_refused_in_a_line(still):
    with pytest.raises(ContractError, match='franka_rod does not get there') as error:
        begin(still, (0.5, 0.0, 0.0), (1.6, 0.0))
    assert '\n' not in str(error.value)


def test_the_pictures_of_push_t_show_block_goal_and_rod():
    simulation = ArmSimulation(contract_of('push_t'))
    begin(simulation, (0.42, -0.1, 0.0), (0.5, 0.12))
    for name, picture in simulation.images().items():
        red, green, blue = picture.astype(int).transpose(2, 0, 1)
        assert (blue - np.maximum(red, green) > 40).sum() > 20, name
        assert (green - np.maximum(red, blue) > 40).sum() > 20, name
        if name == 'wrist':
            assert ((picture.max(axis=2) < 70)[40:60, 32:52]).sum() > 10
    assert simulation.contract.hidden == ('block', 'goal', 'overlap')
    simulation.close()


def test_the_outline_that_overlap_reads_is_that_of_the_block_and_of_the_one_that_plans():
    for name in ('push_t_state', 'push_t'):
        contract = contract_of(name)
        assert 'bar: [0.0, 0.042857, 0.2, 0.05]' in contract.text
        assert 'stem: [0.0, -0.057143, 0.05, 0.15]' in contract.text
        assert contract.scene['unit_m'] == UNIT_M
    made = [[*block.at_m[:2], *block.size_m[:2]] for block in blocks_of(UNIT_M, 0.04)]
    assert made == [pytest.approx([0.0, 0.042857, 0.2, 0.05], abs=1e-6),
                    pytest.approx([0.0, -0.057143, 0.05, 0.15], abs=1e-6)]
    x, y = outline_of(UNIT_M).T
    assert 0.5 * np.sum(np.roll(x, 1) * y - x * np.roll(y, 1)) == pytest.approx(0.0175)
    assert (x.min(), x.max()) == pytest.approx((-0.1, 0.1))
    assert (y.min(), y.max()) == pytest.approx((-0.132143, 0.067857), abs=1e-6)


def test_the_expert_knows_the_rod_of_the_arm():
    assert load_arm('franka_rod').rod.radius_m == push_expert._RADIUS_M


@pytest.mark.parametrize('twist', [(0.1, 0.0, 0.0), (0.03, -0.02, 1.2), (0.0, 0.05, -2.0)])
def test_a_goal_is_seen_from_where_the_block_came_to(twist):
    goal, steps = np.array([0.2, -0.1, 0.7]), 20000
    x = y = yaw = 0.0
    for _ in range(steps):  # small steps along its own axes
        middle = yaw + 0.5 * twist[2] / steps
        x += (math.cos(middle) * twist[0] - math.sin(middle) * twist[1]) / steps
        y += (math.sin(middle) * twist[0] + math.cos(middle) * twist[1]) / steps
        yaw += twist[2] / steps
    off = np.array([[math.cos(yaw), math.sin(yaw)], [-math.sin(yaw), math.cos(yaw)]]) @ (
        goal[:2] - (x, y))
    assert seen_after(goal, np.array(twist)) == pytest.approx([*off, 0.7 - yaw], abs=1e-6)


def test_a_push_square_through_the_middle_only_shifts_and_one_beside_it_turns():
    made = contacts_of(np.array([(0.0, -0.1), (0.1, -0.1)]), np.array([(0.0, 1.0)] * 2), 0.05)
    assert made.twists[0] == pytest.approx([0.0, 1.0, 0.0])
    assert made.tool_ways[0] == pytest.approx([0.0, 1.0])
    assert made.twists[1][2] > 0.0 and np.linalg.norm(made.tool_ways[1]) == pytest.approx(1.0)
    # The tool stays where it touches: its way is that of the place on the block.
    shift, turn = made.twists[1][:2], made.twists[1][2]
    assert shift + turn * np.array([0.1, 0.1]) == pytest.approx(made.tool_ways[1])


def test_the_planner_takes_the_one_push_that_does_it():
    made = contacts_of(np.array([(0.0, -0.1), (0.0, 0.1), (0.1, 0.0)]),
                       np.array([(0.0, 1.0), (0.0, -1.0), (-1.0, 0.0)]), 0.05)
    planner = Planner(made, np.full((3, 3), 0.3), 0.1)
    far_m = float(pushing._LENGTHS_M[12])
    for goal, best in (((0, 1, 0), 0), ((0, -1, 0), 1), ((-1, 0, 0), 2)):
        found = planner.choose(far_m * np.array(goal), np.full(3, 0.2), None)
        assert found == (best, pytest.approx(far_m))
    out_of_reach = np.array([np.inf, 0.2, 0.2])
    assert planner.choose(np.array([0.0, far_m, 0.0]), out_of_reach, None)[0] != 0
    here = np.array([0.0, 1.0, 0.0])  # where it touches it already
    assert planner.choose(np.array([0.0, far_m, 0.0]), np.full(3, 0.2), here)[0] == 3
    assert planner.choose(np.array([0.0, -far_m, 0.0]), np.full(3, 0.2), here)[0] == 1


def test_ways_lead_round_the_outline_and_out_of_its_corners():
    places = np.array([(0.0, 0.12), (0.0, -0.19)])
    ways = WaysRound(outline_of(UNIT_M), 0.022, places)
    far, first = ways.ways_m(np.array([0.0, 0.1]))
    assert far[0] == pytest.approx(0.02) and first[0] == pytest.approx(places[0])
    assert 0.3 < far[1] < 0.5  # not through the block, which would be 0.29
    assert ways.between_m[0, 1] == ways.between_m[1, 0] > 0.31
    for pocket in ((-0.04, 0.0), (0.04, 0.0)):
        assert np.isfinite(ways.ways_m(np.array(pocket))[0]).all()
    assert ways.nearest(np.array([0.0, 0.0]))[0] == pytest.approx(-0.025)
    assert ways.nearest(np.array([0.2, 0.05]))[0] == pytest.approx(0.1)


def test_in_its_place_the_block_is_left_alone_and_else_never_for_nothing():
    expert = PushExpert(outline_of(UNIT_M), UNIT_M)
    rng = np.random.default_rng(0)

    def drive(block, tool):
        return expert.drive(View(np.array([*tool, 0.07]), 0.0, 0.0, {
            'block': (np.array([*block[:2], 0.02]), block[2]),
            'goal': (np.array([*GOAL[:2], 0.0]), GOAL[2])}, 0)).linear_mps

    assert not drive(GOAL, (0.6, 0.2)).any()
    for _ in range(30):
        block = (rng.uniform(0.44, 0.6), rng.uniform(-0.14, 0.14), rng.uniform(-3.1, 3.1))
        angle = rng.uniform(-math.pi, math.pi)
        tool = np.array(block[:2]) + 0.17 * np.array([math.cos(angle), math.sin(angle)])
        speed = drive(block, tool)
        assert 0.01 < np.linalg.norm(speed) <= 0.2 and speed[2] == 0.0


def test_the_expert_does_not_leave_what_the_arm_reaches_but_slides_along_its_border():
    expert = PushExpert(outline_of(UNIT_M), UNIT_M)
    low = push_expert._REACH_M[0]
    for yaw in np.linspace(-3.0, 3.0, 13):
        for y in (-0.1, 0.0, 0.1):
            wanted = expert.drive(View(np.array([low[0], y, 0.07]), 0.0, 0.0, {
                'block': (np.array([0.42, 0.0, 0.02]), yaw),
                'goal': (np.array([*GOAL[:2], 0.0]), GOAL[2])}, 0)).linear_mps
            assert wanted[0] >= 0.0
            assert np.linalg.norm(wanted) > 0.01


@pytest.mark.long
def test_the_expert_pushes_it_home_with_nothing_but_a_gamepad():
    assert by_joy(TASK, range(40, 44)) == 4


@pytest.mark.long
def test_the_same_seed_and_pushes_give_the_same_bits():
    def drive():
        simulation = ArmSimulation(contract_of(TASK))
        begin(simulation, (0.5, 0.0, 1.0), (0.36, 0.05))
        found = []
        for step in range(25):
            tick = go(simulation, 1, **{'twist.linear.x': 0.15, 'twist.linear.y': -0.002 * step})
            found.append(simulation.observe(tick.readings, tick.stamp_ns))
        simulation.close()
        return np.array(found)

    first = drive()
    assert np.array_equal(first, drive()) and np.ptp(first[:, -1]) > 0.01
