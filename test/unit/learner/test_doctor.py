"""The doctor finds what would spoil a training, and says what to do."""

import pytest

from ilw_core.errors import EpisodeError
from ilw_learner.doctor import check_episodes

SUCCESS = {'outcome': 'success', 'stop_reason': 'goal'}


def turning(i):
    return 0.4, (1.2 if i % 4 < 2 else -1.2)


def texts(findings, level=None):
    return ' | '.join(f.text for f in findings if level in (None, f.level))


def test_a_sound_episode_has_no_bad_finding(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning, ticks=60, meta=SUCCESS)
    findings, good = check_episodes(tmp_path, maze)
    assert len(good) == 1
    assert not [f for f in findings if f.episode == 'one']


def test_a_truncated_bag_is_bad_and_the_others_are_still_looked_at(bags, maze, tmp_path):
    bags.write(tmp_path / 'good', drive=turning, meta=SUCCESS)
    broken = next(bags.write(tmp_path / 'broken', meta=SUCCESS).glob('*.mcap'))
    broken.write_bytes(broken.read_bytes()[:500])
    findings, good = check_episodes(tmp_path, maze)
    assert (findings[0].level, findings[0].episode) == ('bad', 'broken')
    assert [e.name for e in good] == ['good']


def test_missing_observations_are_counted_and_the_topic_is_named(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning, ticks=60, leave_out=range(20, 50), meta=SUCCESS)
    findings, _ = check_episodes(tmp_path, maze)
    assert 'lack something, most often pose.x_m' in texts(findings, 'bad')
    assert 'gap of 2.8 s' in texts(findings)


def test_standing_still_at_the_ends_is_found(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', ticks=80, meta=SUCCESS,
               drive=lambda i: (0.4, 0.1) if 20 <= i < 60 else (0.0, 0.0))
    findings, _ = check_episodes(tmp_path, maze)
    assert 'starts with 2.0 s' in texts(findings)
    assert 'ends with 1.9 s' in texts(findings)


def test_missing_commands_are_not_called_standing_still(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', ticks=60, drive=turning, silent=range(30), meta=SUCCESS)
    findings, _ = check_episodes(tmp_path, maze)
    assert 'have no command (the first 3.0 s' in texts(findings)
    assert 'stand still' not in texts(findings)


def test_a_failure_is_said_to_be_left_out(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning,
               meta={'outcome': 'failure', 'stop_reason': 'collision'})
    findings, _ = check_episodes(tmp_path, maze)
    assert 'failure (collision); it is left out' in texts(findings)


def test_commands_beyond_the_limits_and_constant_ones_are_found(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=lambda i: (0.9, 0.0), meta=SUCCESS)
    findings, _ = check_episodes(tmp_path, maze)
    assert 'twist.linear.x leaves the limits' in texts(findings)
    assert 'twist.angular.z was 0 rad/s throughout' in texts(findings)


def test_an_observation_that_is_the_label_is_found(bags, tmp_path):
    from pathlib import Path

    from ilw_core.contract import parse_contract

    # The made-up robot reports the commanded turn as its own in the same tick.
    text = (Path(__file__).resolve().parents[3] / 'config/tasks/maze.yaml').read_text()
    leaky = parse_contract(text.replace(
        'action:\n', '  speed:\n    topic: odom\n    type: nav_msgs/msg/Odometry\n'
        '    feature: body_twist\naction:\n', 1))
    bags.write(tmp_path / 'one', drive=turning, ticks=120)
    findings, _ = check_episodes(tmp_path, leaky)
    assert 'speed.turn_radps mostly equals the command of the same tick' in texts(findings)


def test_a_folder_without_episodes_says_how_to_record(maze, tmp_path):
    with pytest.raises(EpisodeError, match='Record some'):
        check_episodes(tmp_path, maze)
