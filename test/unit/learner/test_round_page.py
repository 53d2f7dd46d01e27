"""What a round brought, as numbers, as JSON and as a page."""

from dataclasses import replace
import json
import re

import numpy as np
import pytest

from ilw_core.errors import EpisodeError
from ilw_learner.correction.attempt import CorrectedAttempt, largest_jump, read_attempt
from ilw_learner.correction.page import figures, page
from ilw_learner.correction.round_record import RoundRecord, Taught

ATTEMPTS = (
    CorrectedAttempt('a<b>', True, 'goal', 100, 20, 2.0, 2, 0.25, 0.1, ((1.0, 2.0), (3.0, 4.0))),
    CorrectedAttempt('two', False, 'timeout', 300, 20, 2.0, 0, 0.0, 0.4, ()))
RECORD = RoundRecord(
    number=2, task='clutter', labels='person', begun_with='driver', standing='old',
    attempts=ATTEMPTS,
    corrections=Taught('new', 0.5, 2, before=12, after=15, n=20),
    fresh=Taught('beside', 0.6, 1, before=12, after=11, n=20), promoted=True,
    worse=False, verdict='it is < 5 %')

WALLS = {'a<b>': [np.array([(0.0, 0.0), (9.0, 0.0), (9.0, 0.1), (0.0, 0.1)]),
                  np.array([(5.0, 5.0), (6.0, 5.0), (6.0, 9.0)])]}


def test_the_figures_of_a_round_are_those_of_its_attempts():
    assert RECORD.takeovers_per_attempt == 1.0
    assert RECORD.person_share == pytest.approx(0.1)
    assert RECORD.success == 1
    assert RECORD.corrections.points == pytest.approx(15.0)
    assert RECORD.corrections.points_per_minute == pytest.approx(30.0)
    assert RECORD.fresh.points_per_minute == pytest.approx(-5.0 / 0.6)
    assert Taught('none', 0.0, 1, 1, 1, 2).points_per_minute is None
    assert RECORD.checkpoint == 'new'
    assert replace(RECORD, promoted=False).checkpoint == 'old'
    assert replace(RECORD, promoted=False).next_driver == 'new'
    assert replace(RECORD, promoted=False, worse=True).next_driver == 'old'


@pytest.mark.parametrize('record', [RECORD, replace(RECORD, fresh=None)])
def test_a_round_is_the_same_after_it_was_written_and_read(record):
    assert RoundRecord.from_json(json.loads(json.dumps(record.as_json()))) == record


def test_the_page_says_each_figure_and_quotes_names_safely(clutter):
    shown = page(RECORD, clutter, WALLS)
    for what, value in figures(RECORD, clutter):
        assert what in shown
        assert value in shown
    assert 'a&lt;b&gt;' in shown
    assert 'it is &lt; 5 %' in shown
    assert shown.count('<circle') == 2
    assert shown.count('<polygon') == 2
    lines = dict(figures(RECORD, clutter))
    assert lines['largest jump of the command at a takeover'] == '25.0% of its range'
    assert lines['largest jump at a hand-back'] == '40.0% of its range'
    assert lines['most that the limits let it change in a period'] == '40.0% of its range'
    assert lines['points gained per minute'] == '+30.0 (+15.0 in all)'


def test_the_page_says_how_often_the_policy_asked_and_whether_the_budget_was_kept(clutter):
    assert 'asked' not in page(RECORD, clutter, WALLS)
    asked = replace(RECORD, budget=0.01, attempts=(
        replace(ATTEMPTS[0], policy_steps=80, novel=1, risky=2),
        replace(ATTEMPTS[1], policy_steps=280)))
    lines = dict(figures(asked, clutter))
    assert lines['interruptions asked for per episode'] == '1.50 (1 novel, 2 risky)'
    assert lines['interruptions by step of the policy'] == '0.83%, budget 1.00%: kept'
    told = asked.as_json()
    assert (told['requests'], told['budget_kept']) == (3, True)
    assert told['requests_per_step'] == pytest.approx(3 / 360, abs=1e-6)
    assert RoundRecord.from_json(json.loads(json.dumps(told))) == asked
    assert '<th>asked: novel</th><th>asked: risky</th>' in page(asked, clutter, WALLS)
    over = replace(asked, budget=0.005)
    assert not over.budget_kept
    assert 'not kept' in dict(figures(over, clutter))['interruptions by step of the policy']


def test_a_takeover_is_drawn_where_it_was_among_the_walls(clutter):
    shown = page(RECORD, clutter, WALLS)
    wall = re.search(r'points="([^"]*)"', shown)[1].split()
    corners = np.array([each.split(',') for each in wall], dtype=float)
    dots = np.array(re.findall(r'cx="([0-9.]+)" cy="([0-9.]+)"', shown), dtype=float)
    scale = (corners[1] - corners[0])[0] / 9.0
    from_corner = (dots - corners[0]) / scale * (1.0, -1.0)
    assert from_corner == pytest.approx(np.array(ATTEMPTS[0].places), abs=0.01)


def test_a_round_whose_recordings_know_no_place_has_no_map(clutter):
    bare = replace(RECORD, attempts=ATTEMPTS[1:])
    assert '<svg' not in page(bare, clutter, {})


def test_a_jump_is_from_the_decision_before_by_the_range_of_the_command(clutter):
    applied = np.array([[0.0, 0.0], [0.1, 0.3], [0.1, 0.3], [0.5, 0.3]])
    assert largest_jump(applied, np.array([1]), clutter) == pytest.approx(0.2)
    assert largest_jump(applied, np.array([1, 3]), clutter) == pytest.approx(0.8)
    assert largest_jump(applied, np.array([0]), clutter) == 0.0, 'nothing was commanded before'
    assert largest_jump(applied, np.array([], dtype=int), clutter) == 0.0


def test_a_recording_that_does_not_say_who_drove_is_refused(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one')
    with pytest.raises(EpisodeError, match=r'must say who drove.*arbiter/state.*./ilw correct'):
        read_attempt(folder, maze)
