"""The scripted person beside a policy of an arm: when it takes the stick, and gives it back."""

from arm_drives import XBOX, contract_of
import numpy as np
import pytest

from ilw_sim.arm.hand import ArmHand
from ilw_sim.driver.arm_corrector import ArmCorrector
from ilw_sim.driver.stick import Stick
from ilw_sim.env import make_env

TICK = 100_000_000
WISH = np.array([0.2, 0.0, 0.0, 0.0, 0.04])


@pytest.fixture
def corrector():
    action = contract_of('lift_state').action
    return ArmCorrector(action.high - action.low, np.random.default_rng(0))


def look(corrector, asked, ticks, begin=0):
    """Return who drives after each of some ticks at which the policy asks for the same."""
    return [corrector.look((begin + i) * TICK, np.array(asked), WISH) for i in range(ticks)]


def test_a_policy_that_does_as_the_expert_would_is_left_alone(corrector):
    assert not any(look(corrector, [0.15, 0.05, -0.05, 0.2, 0.04], 100))


@pytest.mark.parametrize('asked', [[0.0, 0.0, 0.0, 0.0, 0.04], [0.2, 0.15, 0.0, 0.0, 0.04],
                                   [0.2, 0.0, 0.0, 0.0, 0.0]], ids=['stands', 'strays', 'closes'])
def test_one_that_does_otherwise_is_taken_over_after_a_second_and_a_reaction(corrector, asked):
    held = look(corrector, asked, 30)
    assert 13 <= held.index(True) <= 18


def test_a_moment_of_difference_is_no_reason(corrector):
    for begin in range(0, 100, 10):
        assert not any(look(corrector, [0.0, 0, 0, 0, 0.04], 8, begin))
        assert not any(look(corrector, WISH, 2, begin + 8))


def test_it_is_given_back_once_both_agree_and_no_sooner_than_held(corrector):
    taken = look(corrector, [0.0, 0, 0, 0, 0.04], 30).index(True)
    assert all(look(corrector, [0.0, 0, 0, 0, 0.04], 40, 30)), 'still another way: held'
    freed = look(corrector, WISH, 20, 70).index(False)
    assert 3 <= freed <= 5 and taken < 30
    corrector.begin()
    assert not corrector.holds


def test_what_the_expert_wishes_is_where_its_stick_leads():
    env = make_env('lift_state')
    hand = ArmHand(env.contract, Stick(XBOX), seed=0, imperfection=0.0)
    env.reset(seed=4)
    for _ in range(60):
        _, _, terminated, _, info = env.step(hand.wish(env.simulation.tick.readings))
        if terminated:
            break
    env.close()
    assert info['success']
