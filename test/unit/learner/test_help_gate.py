"""A policy asks for help by thresholds that follow from a budget, and goes on past a lower one."""

import json
import math

import numpy as np
import pytest

from ilw_core.errors import CheckpointError
from ilw_learner.asking.gate_folder import SCHEMA, load_gate
from ilw_learner.asking.help_gate import ASKS, CAUSES, NOVEL, RISKY, HelpGate, asked
from ilw_learner.asking.robot_gate import discrepancy
from ilw_learner.correction.attempt import requests

RATE_HZ = 20.0
SPAN = round(0.5 * RATE_HZ)
GRACE = round(2.0 * RATE_HZ)


def gate(budget=0.02, novelty=None, risk=None, agrees=0.1):
    return HelpGate(np.arange(1000.0) if novelty is None else novelty,
                    np.linspace(0.0, 0.999, 1000) if risk is None else risk,
                    budget=budget, agrees=agrees, rate_hz=RATE_HZ)


def alone(made, novelty=0.0, risk=0.0):
    return made.step(novelty, risk, person=False, discrepancy=math.inf)


def helped(made, novelty=0.0, risk=0.0, off=0.0):
    return made.step(novelty, risk, person=True, discrepancy=off)


def test_each_threshold_leaves_half_of_the_budget_above_it():
    made = gate(budget=0.02)
    assert made.thresholds == (990.0, pytest.approx(0.990)), 'ten of a thousand less one are above'
    assert made.goes_on_risk == pytest.approx(0.4995), 'the median'
    assert gate(budget=0.2).thresholds[0] == 900.0


@pytest.mark.parametrize('novelty, risk, cause', [
    (990.0, 0.99, ''), (990.1, 0.0, NOVEL), (0.0, 0.9901, RISKY), (999.0, 0.999, NOVEL)])
def test_it_asks_above_a_threshold_and_not_on_it(novelty, risk, cause):
    assert alone(gate(), novelty, risk) == cause


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_what_is_not_finite_asks_and_does_not_move_the_thresholds(value):
    for scores, cause in (((value, 0.0), NOVEL), ((0.0, value), RISKY)):
        made = gate()
        before = made.thresholds
        for _ in range(100):
            assert alone(made, *scores) == cause
            made.begin()
        assert made.thresholds == before
        assert alone(made) == ''


@pytest.mark.parametrize('budget', [0.0, 1.0, -0.1, math.nan])
def test_a_budget_that_is_no_share_is_refused(budget):
    with pytest.raises(ValueError, match='above 0 and below 1'):
        gate(budget=budget)


def test_with_nothing_met_before_there_are_no_thresholds():
    with pytest.raises(ValueError, match='from some steps'):
        gate(novelty=[])


def test_it_goes_on_asking_until_somebody_comes_whatever_it_meets():
    made = gate()
    assert alone(made, 2000.0) == NOVEL
    assert [alone(made) for _ in range(200)] == [NOVEL] * 200
    assert made.requests == {NOVEL: 1, RISKY: 0}
    assert made.steps == 1, 'standing still is no step that it drove'


def test_it_goes_on_once_it_would_for_a_while_have_done_as_the_person_does():
    made = gate()
    alone(made, 2000.0)
    assert [helped(made, off=0.5) for _ in range(50)] == [NOVEL] * 50
    told = [helped(made, off=0.0) for _ in range(SPAN)]
    assert told[0] == NOVEL
    assert told[-1] == ''


@pytest.mark.parametrize('still', [{'risk': 0.51}, {'novelty': 995.0}, {'off': 0.11}])
def test_below_the_threshold_of_asking_is_not_enough_to_go_on(still):
    made = gate()
    alone(made, 2000.0)
    assert [helped(made, **still) for _ in range(5 * SPAN)] == [NOVEL] * 5 * SPAN
    assert [helped(made) for _ in range(2 * SPAN)][-1] == ''


def test_whoever_lets_go_sooner_lets_it_try_for_a_while():
    made = gate(novelty=np.arange(10_000.0) / 10.0)
    alone(made, 2000.0)
    helped(made, 2000.0, off=1.0)
    told = [alone(made, 2000.0) for _ in range(GRACE + 2)]
    assert told[:GRACE - 1] == [''] * (GRACE - 1)
    assert told[-1] == NOVEL
    assert made.requests[NOVEL] == 2


def test_that_while_ends_where_all_is_well_again():
    made = gate()
    alone(made, 2000.0)
    helped(made, off=1.0)
    assert [alone(made), alone(made, 2000.0)] == ['', NOVEL]


def test_a_person_who_drives_unasked_is_no_request_and_teaches_no_threshold():
    made = gate()
    before = made.thresholds
    assert [helped(made, 5000.0, 0.9999) for _ in range(100)] == [''] * 100
    assert (made.thresholds, made.steps, sum(made.requests.values())) == (before, 0, 0)


def test_another_episode_begins_without_a_request():
    made = gate()
    alone(made, 2000.0)
    made.begin()
    assert alone(made) == ''


def driven(made, rng, steps, shift=0.0):
    """Return how many steps the policy drove; a person helps for a second where it asks."""
    done = 0
    while done < steps:
        scores = (rng.gamma(2.0) + shift, rng.beta(1.0, 9.0))
        if alone(made, *scores):
            for _ in range(2 * SPAN):
                helped(made)
        done += 1
    return made.steps


@pytest.mark.parametrize('budget', [0.005, 0.02, 0.1])
def test_over_many_episodes_the_budget_is_kept_and_nearly_used(budget):
    rng = np.random.default_rng(0)
    made = gate(budget, rng.gamma(2.0, size=2000), rng.beta(1.0, 9.0, size=2000))
    steps = driven(made, rng, 20_000)
    share = sum(made.requests.values()) / steps
    assert 0.6 * budget < share < 1.2 * budget
    assert min(made.requests.values()) > 0.2 * budget * steps


def test_where_more_is_new_than_it_was_told_the_thresholds_follow():
    rng = np.random.default_rng(1)
    made = gate(0.02, rng.gamma(2.0, size=1000), rng.beta(1.0, 9.0, size=1000))
    driven(made, rng, 10_000, shift=3.0)
    before, asked_before = made.steps, sum(made.requests.values())
    driven(made, rng, 10_000, shift=3.0)
    share = (sum(made.requests.values()) - asked_before) / (made.steps - before)
    assert share < 1.2 * 0.02
    assert made.thresholds[0] > 9.0


def test_what_it_says_is_understood_and_nothing_else():
    assert [asked(f'{ASKS}{cause}') for cause in CAUSES] == list(CAUSES)
    assert {asked(each) for each in ('', NOVEL, f'{ASKS}bored', 'missing: scan')} == {''}


def test_a_request_counts_once_however_long_it_lasts():
    novel, risky = f'{ASKS}{NOVEL}', f'{ASKS}{RISKY}'
    said = ['', novel, novel, '', risky, 'missing: scan', novel, novel]
    assert requests(said) == {'novel': 2, 'risky': 1}
    assert requests([]) == {'novel': 0, 'risky': 0}


def test_a_discrepancy_is_the_mean_square_by_the_range_of_each_value():
    found = discrepancy(np.array([0.2, -1.0]), np.array([0.0, 1.0]), np.array([0.4, 2.0]))
    assert found == pytest.approx((0.25 + 1.0) / 2.0)


@pytest.mark.parametrize('card', [
    [], {}, {'schema': SCHEMA}, {'graphs': ['goal.onnx']}, {'graphs': {'member-0.onnx': '0'}},
    {'graphs': {'goal.onnx': '0', '../elsewhere.onnx': '0'}}])
def test_a_card_that_lacks_something_or_names_what_lies_elsewhere_is_refused(card, tmp_path,
                                                                             clutter):
    if card and 'graphs' in card:
        card = {'schema': SCHEMA, 'contract': clutter.hash, 'history': 1, 'horizon': 1,
                'budget': 0.1, 'agrees': 0.1, 'novelty': [1.0], 'risk': [1.0], **card}
    (tmp_path / 'gate.json').write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match='must be a gate'):
        load_gate(tmp_path, clutter)
