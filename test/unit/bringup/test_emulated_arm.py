"""The emulated arm as time goes by: how late it answers, when it stops, what it begins with."""

import numpy as np
import pytest

pytest.importorskip('pybullet')
from ilw_bringup.emulated_arm import RATE_HZ, LiveArm
from ilw_core.contract.file import named_contract
from ilw_emulator.arm.traits import ArmEmulatorProfile, ArmTraits, load_arm_emulator
from ilw_emulator.arm.truth import revealed_arm

PERIOD_NS = round(1e9 / RATE_HZ)
PUSH = [0.2, 0.0, 0.0, 0.0, 0.04]


def profile(**traits):
    """Return arms of one kind, perfect but for some traits."""
    perfect = vars(ArmTraits())
    return ArmEmulatorProfile('made', {
        name: (value, value) for name, value in {**perfect, **traits}.items()})


@pytest.fixture
def arms():
    """Return a maker of arms that are switched on at 0: arms('lift_state', latency_s=0.1)."""
    made = []

    def make(task='lift_state', world=3, of=None, **traits):
        made.append(LiveArm(named_contract(task), of or profile(**traits), 7, world, 0))
        return made[-1]

    yield make
    for arm in made:
        arm.simulation.close()


def until(arm, now_ns):
    """Let time go by; return how many readings there were."""
    count = 0
    while arm.simulation.tick.stamp_ns + PERIOD_NS <= now_ns:
        count += arm.advance(arm.simulation.tick.stamp_ns + PERIOD_NS)
    return count


def moves(arm, begin_ns, end_ns):
    """Return (stamp [ns], speed of the tool to the front [m/s]) of each reading."""
    found, before = [], arm.simulation.world.tool().xyz[0]
    while arm.simulation.tick.stamp_ns < end_ns:
        until(arm, arm.simulation.tick.stamp_ns + PERIOD_NS)
        at = arm.simulation.world.tool().xyz[0]
        found.append((arm.simulation.tick.stamp_ns, (at - before) * RATE_HZ))
        before = at
    return found


@pytest.mark.parametrize(('latency_s', 'after_ns'), [(0.11, 7_000_000), (0.3, 0), (0.0, 9_000)])
def test_it_answers_as_late_as_its_profile_says_whenever_the_command_comes(arms, latency_s,
                                                                           after_ns):
    arm = arms(latency_s=latency_s)
    until(arm, 500_000_000)
    told_ns = arm.simulation.tick.stamp_ns + after_ns
    assert arm.command(PUSH, told_ns)
    first_ns = next(at_ns for at_ns, speed in moves(arm, told_ns, told_ns + 900_000_000)
                    if speed > 0.01)
    late_s = (first_ns - told_ns) / 1e9
    assert latency_s < late_s < latency_s + 1.0 / RATE_HZ + 1.0 / 60.0 + 0.01


def test_it_goes_as_fast_as_its_gain_and_lag_say(arms):
    arm = arms(gain_ratio=0.8, lag_s=0.1)
    until(arm, 500_000_000)
    begin_ns = arm.simulation.tick.stamp_ns
    arm.command(PUSH, begin_ns)
    found = moves(arm, begin_ns, begin_ns + 480_000_000)
    assert found[-1][1] == pytest.approx(0.16, rel=0.05)
    at_lag = next(speed for at_ns, speed in found if at_ns - begin_ns > 100_000_000)
    assert 0.4 < at_lag / 0.16 < 0.75, '1 - 1/e, in the mean of a reading'


def test_silence_stops_it_after_half_a_second_and_a_newer_command_moves_it_on(arms):
    arm = arms()
    until(arm, 100_000_000)
    told_ns = arm.simulation.tick.stamp_ns
    arm.command(PUSH, told_ns)
    found = moves(arm, told_ns, told_ns + 1_000_000_000)
    moving = [(at_ns - told_ns) / 1e9 for at_ns, speed in found if speed > 0.05]
    assert 0.5 <= max(moving) < 0.65
    assert abs(found[-1][1]) < 0.005
    again_ns = arm.simulation.tick.stamp_ns
    arm.command(PUSH, again_ns)
    assert moves(arm, again_ns, again_ns + 300_000_000)[-1][1] > 0.15


@pytest.mark.parametrize('values', [[float('nan'), 0.0, 0.0, 0.0, 0.04], [0.1, 0.0]])
def test_what_is_no_action_is_refused_and_moves_nothing(arms, values):
    arm = arms()
    assert not arm.command(values, 1000)
    assert arm.refused == 1
    assert all(abs(speed) < 0.01 for _, speed in moves(arm, 0, 500_000_000))


@pytest.mark.parametrize('task', ['reach_joints', 'lift_state'])
def test_nobody_commands_it_and_it_stays(arms, task):
    arm = arms(task)
    before = arm.simulation.world.joints()[0]
    until(arm, 1_000_000_000)
    assert np.abs(arm.simulation.world.joints()[0] - before).max() < 0.005


def test_a_new_world_is_another_one_with_the_arm_where_it_begins_and_time_goes_on(arms):
    arm = arms()
    until(arm, 100_000_000)
    arm.command(PUSH, 100_000_000)
    until(arm, 1_000_000_000)
    gone, fresh = arm.simulation.world.tool().xyz, arms(world=4).simulation.world
    arm.begin(4, 1_010_000_000)
    assert not arm.advance(1_009_000_000) and arm.command(PUSH, 1_009_000_000), 'not there yet'
    assert arm.simulation.tick.stamp_ns == 1_010_000_000
    assert arm.simulation.world.things()[0] == fresh.things()[0]
    assert arm.simulation.world.tool() == fresh.tool()
    assert np.linalg.norm(np.subtract(gone, fresh.tool().xyz)) > 0.05
    assert all(abs(speed) < 0.01 for _, speed in moves(arm, 0, 1_500_000_000)), 'nothing is left'


def test_nothing_ends_by_itself(arms):
    arm = arms()
    until(arm, round(1.5e9 * named_contract('lift_state').timeout_s))
    before = arm.simulation.world.tool().xyz[0]
    arm.command(PUSH, arm.simulation.tick.stamp_ns)
    until(arm, arm.simulation.tick.stamp_ns + 400_000_000)
    assert arm.simulation.world.tool().xyz[0] - before > 0.03
    assert not arm.simulation.actions, 'hours of it need no more memory'


def test_on_a_computer_that_is_too_slow_nothing_happens_meanwhile(arms):
    arm = arms()
    until(arm, 100_000_000)
    at_ns = arm.simulation.tick.stamp_ns
    assert arm.advance(at_ns + 3_000_000_000)
    assert arm.simulation.tick.stamp_ns == pytest.approx(at_ns + 3_000_000_000, abs=1)
    assert arm.left_out_s == pytest.approx(3.0, abs=0.05)
    assert not arm.advance(at_ns + 3_000_000_000)


def test_the_same_arm_world_and_instants_give_the_same_bits(arms):
    found = []
    for _ in range(2):
        arm = arms(of=load_arm_emulator('typical'))
        for k in range(1, 40):
            until(arm, k * 50_000_000)
            arm.command([0.1 * (-1) ** (k // 8), 0.0, 0.02, 0.0, 0.04], k * 50_000_000 + 5_000)
        found.append(arm.simulation.tick.readings)
    for topic in ('joint_states', 'tool_pose', 'objects/cube/pose'):
        one, two = (each[topic] for each in found)
        if topic == 'joint_states':
            assert np.array_equal(one.position, two.position)
        else:
            assert vars(one.pose.position) == vars(two.pose.position)


def test_its_detector_is_late_by_ticks_of_the_contract(arms):
    """At 10 Hz one tick is as long as three readings."""
    arm = arms(thing_age_ticks=1.0)
    assert arm.simulation.answer._seen.maxlen == 1 + round(RATE_HZ / 10.0)


def test_what_is_revealed_is_the_mean_of_the_arm():
    made = load_arm_emulator('typical')
    told, (traits, gains, lags_s) = revealed_arm(made, 5, 7), made.machine(5, 7)
    assert told['seed'] == 5 and told['emulated_arm'] == 'typical'
    assert told['plant']['gain'] == pytest.approx(gains.mean())
    assert told['plant']['lag_s'] == pytest.approx(lags_s.mean())
    assert told['plant']['delay_s'] == traits.latency_s + traits.jitter_s
    assert told['gains'] == gains.tolist()
