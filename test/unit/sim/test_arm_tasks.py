"""Tasks of arms beyond one cube, and another arm: their worlds, their ends, who solves them."""

from arm_drives import by_joy, contract_of, go
import numpy as np
import pytest

from ilw_core.contract.family import require_family
from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.arm.tasks.insert import InsertExpert
from ilw_sim.arm.tasks.pick_place import PickPlaceExpert
from ilw_sim.arm.tasks.view import View

OPEN_M = 0.04
CUBE, GOAL = np.array([0.4, 0.1, 0.02]), np.array([0.5, -0.1, 0.0])


@pytest.mark.long
@pytest.mark.parametrize('task', ['pick_place_state', 'insert_state', 'reach_kuka',
                                  'reach_beside', 'lift_beside'])
def test_the_expert_solves_it_with_nothing_but_a_gamepad(task):
    assert by_joy(task, range(40, 44)) == 4


@pytest.mark.long
@pytest.mark.parametrize('task', ['reach', 'reach_kuka'])
def test_who_reaches_a_cube_does_not_touch_it(task):
    places = {}

    def watch(simulation):
        places.setdefault(simulation.seed, []).append(
            [thing.xyz for thing in simulation.world.things()])

    assert by_joy(task, range(40, 44), imperfection=0.0, watch=watch) == 4
    moved_m = [np.ptp(np.array(seen), axis=0).max() for seen in places.values()]
    assert len(moved_m) == 4 and max(moved_m) < 0.002


@pytest.mark.parametrize(('task', 'names'), [
    ('pick_place_state', ('cube', 'goal')), ('insert_state', ('peg', 'hole'))])
def test_two_things_lie_apart_and_what_is_fixed_stays(task, names):
    simulation = ArmSimulation(contract_of(task))
    for seed in range(5):
        simulation.reset(seed)
        assert tuple(thing.name for thing in simulation.scene.things) == names
        first, second = (np.array(at.xyz) for at in simulation.world.things())
        assert np.hypot(*(first - second)[:2]) >= contract_of(task).scene['apart_m'] - 1e-3
    go(simulation, 10, x=0.1)
    assert simulation.world.things()[1].xyz == pytest.approx(second)
    simulation.close()


def placed(cube, *, tool, finger_m):
    """Return what the placing expert wants."""
    view = View(np.array(tool), 0.0, finger_m, {'cube': (np.array(cube), 0.0),
                                                'goal': (GOAL, 0.3)}, 0)
    return PickPlaceExpert(0.04, OPEN_M).drive(view)


def test_a_held_cube_is_carried_straight_to_its_mark_and_above_the_table():
    wanted = placed(CUBE, tool=CUBE, finger_m=0.02)
    assert wanted.close
    assert wanted.linear_mps[0] / wanted.linear_mps[1] == pytest.approx(-0.5)
    assert wanted.linear_mps[2] > 0.0


def test_over_its_mark_it_is_lowered_and_not_slowly():
    high = [*GOAL[:2], 0.05]
    wanted = placed(high, tool=high, finger_m=0.02)
    assert wanted.close and wanted.linear_mps[2] < -0.1
    low = [*GOAL[:2], 0.042]
    assert placed(low, tool=low, finger_m=0.02).linear_mps[2] < -0.1


@pytest.mark.parametrize('finger_m', [0.02, 0.03, 0.04])
def test_on_its_mark_it_is_let_go_of_and_left_alone(finger_m):
    wanted = placed([*GOAL[:2], 0.02], tool=[*GOAL[:2], 0.02], finger_m=finger_m)
    assert not wanted.close and not wanted.linear_mps.any()


def test_a_cube_that_lies_beside_its_mark_is_fetched_again():
    beside = [GOAL[0] + 0.03, GOAL[1], 0.02]
    wanted = placed(beside, tool=[*GOAL[:2], 0.1], finger_m=OPEN_M)
    assert wanted.linear_mps[0] > 0.0 and not wanted.close


@pytest.mark.parametrize(('held', 'ends'), [(0.02, False), (0.04, True)])
def test_a_cube_on_its_mark_counts_only_once_it_is_let_go_of(held, ends):
    contract = contract_of('pick_place_state')
    simulation = ArmSimulation(contract)
    simulation.reset(0)
    cube = simulation.world._things[0]
    place = [*simulation.world.things()[1].xyz[:2], 0.02]
    simulation.world._client.resetBasePositionAndOrientation(cube, place, [0, 0, 0, 1])
    tick = go(simulation, 12, finger=held)
    assert tick.verdict.success is ends
    simulation.close()


def test_a_peg_goes_down_only_in_line_with_its_hole():
    def wanted(off_m, turned=0.0):
        peg = np.array([0.5 + off_m, 0.0, 0.11])
        view = View(np.add(peg, [0.0, 0.0, 0.012]), 0.0, 0.02,
                    {'peg': (peg, 0.0), 'hole': (np.array([0.5, 0.0, 0.0]), turned)}, 0)
        return InsertExpert(0.04, 0.002, OPEN_M).drive(view)

    assert wanted(0.0).linear_mps[2] < -0.15
    assert wanted(0.0004).linear_mps[2] < -0.15
    assert wanted(0.003).linear_mps[2] > -0.1
    assert wanted(0.003).linear_mps[0] < 0.0
    assert wanted(0.0, turned=0.1).linear_mps[2] > -0.1
    assert wanted(0.0, turned=0.1).turn_radps > 0.0


def test_the_walls_leave_the_room_that_is_asked_for():
    hole = ArmSimulation(contract_of('insert_state', clearance_m=0.006))
    hole.reset(0)
    blocks = hole.scene.things[1].blocks
    inner = [abs(block.at_m[i]) - block.size_m[i] / 2
             for i in (0, 1) for block in blocks if block.at_m[i]]
    assert inner == pytest.approx([0.023] * 4)


def test_no_gripper_is_commanded_of_an_arm_that_has_none():
    text = contract_of('lift_state').text.replace('arm: franka_panda', 'arm: kuka_iiwa')
    with pytest.raises(ContractError, match='kuka_iiwa has none in config/arms'):
        ArmSimulation(parse_contract(text))


def test_the_other_arm_moves_as_its_twist_says():
    simulation = ArmSimulation(contract_of('reach_kuka', veer_chance=0.0))
    simulation.reset(0)
    go(simulation, 3, **{'twist.linear.y': 0.1})
    before = np.array(simulation.world.tool().xyz)
    go(simulation, 5, **{'twist.linear.y': 0.1})
    moved = np.array(simulation.world.tool().xyz) - before
    assert moved == pytest.approx([0.0, 0.05, 0.0], abs=0.003)
    assert '/kuka_iiwa/meshes/' in simulation.description
    told = {t.child_frame_id for t in simulation.fixed_transforms() + simulation.transforms()}
    assert {'lbr_iiwa_link_0', 'lbr_iiwa_link_7'} <= told
    simulation.close()


def test_the_tasks_on_one_table_are_a_family():
    require_family([contract_of(name) for name in ('reach_beside', 'lift_beside',
                                                   'pick_place_state')])
