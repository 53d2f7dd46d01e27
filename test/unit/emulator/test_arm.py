"""The emulated arm's way for commands: what acts at which look of the servo."""

from types import SimpleNamespace as Plain

import numpy as np
import pytest

from ilw_emulator.arm.answer import EmulatedArm, HearingArm
from ilw_emulator.arm.traits import ArmEmulatorProfile, ArmTraits

ONE, TWO = np.array([1.0]), np.array([2.0])


def made(kind, **traits):
    """Return an arm whose servo looks five times in a tick, 20 ms apart; at rest it does 0."""
    profile = ArmEmulatorProfile('made', {
        name: (value, value) for name, value in {**vars(ArmTraits()), **traits}.items()})
    return kind(profile, 0, 0, looks=5, look_s=0.02, step_s=0.005, joints=2, rest=np.zeros(1))


def test_a_command_with_the_tick_acts_after_the_latency():
    arm = made(EmulatedArm, latency_s=0.05)
    assert arm.answer(ONE).ravel().tolist() == [0, 0, 0, 1, 1]
    assert arm.answer(TWO).ravel().tolist() == [1, 1, 1, 2, 2]


def test_commands_between_ticks_act_as_late_after_they_came():
    arm = made(HearingArm, latency_s=0.05)
    arm.hear(ONE, 0.0)
    arm.hear(TWO, 0.03)  # due after 80 ms
    assert arm.answer(np.array([9.0])).ravel().tolist() == [0, 0, 0, 1, 2], 'what comes with it'
    assert arm.answer(np.array([9.0])).ravel().tolist() == [2] * 5


def test_late_by_chance_no_command_overtakes_another():
    arm = made(HearingArm, jitter_s=0.1)
    for k in range(50):
        arm.hear(np.array([k + 1.0]), 0.001 * k)
    acted = np.concatenate([arm.acting().ravel() for _ in range(50)])
    assert (np.diff(acted) >= 0).all() and acted[-1] == 50.0


@pytest.mark.parametrize(('readings', 'kept'), [(1, 2), (3, 4)])
def test_a_detector_is_late_by_ticks_of_the_contract_however_often_it_is_read(readings, kept):
    profile = ArmEmulatorProfile('made', {
        name: (value, value) for name, value in {
            **vars(ArmTraits()), 'thing_age_ticks': 1.0}.items()})
    arm = EmulatedArm(profile, 0, 0, looks=5, look_s=0.02, step_s=0.005, joints=2,
                      rest=np.zeros(1), readings=readings)
    seen = [arm.measure({'objects/cube/pose': _at(float(k))})['objects/cube/pose']
            .pose.position.x for k in range(6)]
    assert seen[kept:] == [float(k) for k in range(1, 7 - kept)]


def _at(x):
    return Plain(header=None, pose=Plain(position=Plain(x=x, y=0.0, z=0.0), orientation=None))
