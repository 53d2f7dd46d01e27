"""A success that ended far from its goal is a finding of ``check``."""

import pytest

from ilw_data.doctor.check import check_episodes

SUCCESS = {'outcome': 'success', 'stop_reason': 'operator'}
BEGIN_NS, PERIOD_NS = 50_000_000_000, 100_000_000


def turning(i):
    return 0.4, 0.1 * (i % 3)


def far(tmp_path, contract):
    findings, _ = check_episodes(tmp_path, contract)
    return [finding for finding in findings if finding.kind == 'far']


@pytest.mark.parametrize(('goal', 'distance_m'), [
    ((4.9, 1.0), 3.0), ((1.9, 3.0), 2.0), ((1.9, 0.3), 0.7)])
def test_a_success_far_from_the_goal_is_named_with_its_distance(
        bags, maze, tmp_path, goal, distance_m):
    bags.write(tmp_path / 'one', drive=turning, meta=SUCCESS, goal=goal)  # ends at 1.9, 1.0
    finding, = far(tmp_path, maze)
    assert finding.level == 'warn' and finding.episode == 'one'
    assert finding.numbers['to_goal_m'] == pytest.approx(distance_m)
    assert f'{distance_m:.2f} m from the goal' in finding.text
    assert 'drop' in finding.command and 'one' in finding.command


@pytest.mark.parametrize('goal', [(1.9, 1.0), (2.2, 1.0), (1.9, 1.55)])
def test_a_success_at_the_goal_is_none(bags, maze, tmp_path, goal):
    bags.write(tmp_path / 'one', drive=turning, meta=SUCCESS, goal=goal)
    assert not far(tmp_path, maze)


@pytest.mark.parametrize('meta', [
    {'outcome': 'failure', 'stop_reason': 'timeout'}, {'outcome': 'unknown', 'stop_reason': ''}])
def test_what_is_no_success_is_none(bags, maze, tmp_path, meta):
    bags.write(tmp_path / 'one', drive=turning, meta=meta, goal=(4.9, 4.9))
    assert not far(tmp_path, maze)


def test_where_no_goal_was_recorded_or_in_another_frame_nothing_is_said(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning, meta=SUCCESS)
    bags.write(tmp_path / 'two', drive=turning, meta=SUCCESS, goal=(4.9, 4.9), goal_frame='map')
    assert not far(tmp_path, maze)


def test_what_was_driven_after_the_end_does_not_count(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning, goal=(0.5, 1.0),
               meta={**SUCCESS, 'end_ns': BEGIN_NS + 5 * PERIOD_NS})  # at 0.5, 1.0
    assert not far(tmp_path, maze)
    bags.write(tmp_path / 'two', drive=turning, goal=(1.9, 1.0),
               meta={**SUCCESS, 'end_ns': BEGIN_NS + 5 * PERIOD_NS})
    assert [f.episode for f in far(tmp_path, maze)] == ['two']
