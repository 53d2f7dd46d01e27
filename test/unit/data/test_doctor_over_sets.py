"""What only many episodes show: leaks, lag, contradictions, starts, outcomes. Arrays, no bags."""

from dataclasses import replace
import json
from pathlib import Path

import numpy as np
import pytest

from ilw_core.episode import Episode, Outcome
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_data.doctor import contradictions, lag, leaks, sensing, starts, takes
from ilw_data.doctor.finding import Demos, Take

FORWARD, TURN = 39, 40
"""Where clutter observes the robot's own speed"""


@pytest.fixture
def demos(clutter):
    """
    Return a maker of sets: demos(count, steps, drive, seed) -> Demos.

    ``drive(rng, obs)`` returns actions and may change observations.
    """

    def make(count=6, steps=200, drive=None, seed=0, meta=None):
        rng = np.random.default_rng(seed)
        found = []
        for number in range(count):
            obs = rng.uniform(clutter.obs_low, clutter.obs_high,
                              (steps + 1, clutter.obs_dim)).astype(np.float32)
            actions = stick(rng, clutter, steps)
            if drive is not None:
                actions, obs = drive(rng, obs, actions)
            episode = Episode(
                name=f'e{number}', obs=obs, obs_valid=np.ones_like(obs, dtype=bool),
                actions=actions, action_valid=np.ones(len(actions), dtype=bool),
                stamps_ns=np.arange(len(obs)) * clutter.period_ns, outcome=Outcome.SUCCESS,
                stop_reason='goal', contract_hash=clutter.hash)
            about = {'outcome': 'success', 'contract_text': 'x', 'episode': f'id{number}',
                     **(meta(number) if meta else {})}
            found.append(Take(EpisodeFolder(Path('demos') / f'e{number}', about), episode,
                              'clutter'))
        return Demos(Path('demos'), 'clutter', clutter, found)

    return make


def stick(rng, contract, steps):
    """Return actions that a hand gives: they last a while, then jump."""
    spec = contract.action
    values = rng.uniform(spec.low, spec.high, (steps, spec.dim))
    return np.repeat(values, 6, axis=0)[:steps].astype(np.float32)


def answering(delay, noise=0.0, share=1.0):
    """Return a robot whose speeds follow its commands by so many ticks."""

    def drive(rng, obs, actions):
        obs = obs.copy()
        later = np.vstack([np.zeros((delay, 2), dtype=np.float32), actions])[:len(obs)]
        obs[:len(later), FORWARD:] = share * later + rng.normal(
            scale=noise + 1e-9, size=later.shape)
        return actions, obs

    return drive


@pytest.mark.parametrize('delay', [1, 2, 5, 12])
def test_the_lag_of_each_command_is_found_in_milliseconds(demos, delay):
    found = {f.text.partition(' follows ')[0]: f
             for f in lag.check_set(demos(drive=answering(delay, noise=0.02, share=0.8)))}
    assert set(found) == {'velocity.forward_mps', 'velocity.turn_radps'}
    for finding in found.values():
        assert finding.numbers['lag_ms'] == pytest.approx(100.0 * delay, abs=10.0)
        assert finding.level == ('warn' if delay > 3 else 'note')
        assert f'history: {delay + 1} ' in finding.text or delay <= 3


def test_a_lag_between_two_ticks_lies_between_them(demos):
    def drive(rng, obs, actions):
        early, late = answering(1)(rng, obs, actions)[1], answering(2)(rng, obs, actions)[1]
        mixed = obs.copy()
        mixed[:, FORWARD:] = 0.5 * (early + late)[:, FORWARD:]
        return actions, mixed

    for finding in lag.check_set(demos(drive=drive)):
        assert finding.numbers['lag_ms'] == pytest.approx(150.0, abs=15.0)


def test_motion_that_comes_before_its_command_is_another_clock(demos):
    def drive(rng, obs, actions):
        obs = obs.copy()
        obs[:-3, FORWARD:], obs[-3:, FORWARD:] = 0.7 * actions[2:], 0.0
        return actions, obs

    found = lag.check_set(demos(drive=drive))
    assert len(found) == 2
    assert all(f.level == 'warn' and 'different clocks' in f.text for f in found)
    assert all(f.numbers['lag_ms'] == pytest.approx(-200.0, abs=10.0) for f in found)


def test_steering_by_what_is_seen_is_no_lag(demos):
    def drive(rng, obs, actions):
        return actions, np.hstack([obs[:, :37], np.vstack([actions, actions[-1:]])[:, 1:],
                                   obs[:, 38:]])

    assert lag.check_set(demos(drive=drive)) == []


def test_one_episode_with_shifted_labels_is_named(demos):
    whole = demos(drive=answering(1, noise=0.02))
    odd = whole.takes[2].episode
    shifted = replace(odd, actions=np.roll(odd.actions, -5, axis=0))
    whole.takes[2] = replace(whole.takes[2], episode=shifted)
    found = [f for f in lag.check_set(whole) if f.episode]
    assert {f.episode for f in found} == {'e2'}
    assert found[0].numbers['lag_ms'] == pytest.approx(600.0, abs=20.0)
    assert found[0].command == "./ilw episodes drop demos/e2 --why 'shifted labels'"


@pytest.mark.parametrize(('shift', 'level', 'word'), [
    (0, 'bad', 'same tick: it is the label'), (-1, 'bad', '100 ms later'),
    (1, 'warn', '100 ms before'), (4, 'warn', '400 ms before')])
def test_a_command_among_the_observations_is_found_at_any_shift(demos, shift, level, word):
    def drive(rng, obs, actions):
        obs = obs.copy()
        rows = np.clip(np.arange(len(obs)) - shift, 0, len(actions) - 1)
        obs[:, 5] = actions[rows, 1]
        return actions, obs

    (found,) = leaks.check_set(demos(drive=drive))
    assert (found.level, found.numbers['exact_ratio'] > 0.95) == (level, True)
    assert 'lidar.5_m' in found.text
    assert word in found.text


def test_a_measured_speed_that_follows_closely_is_only_noted(demos):
    found = leaks.check_set(demos(drive=answering(1, noise=1e-3)))
    assert [f.level for f in found] == ['note', 'note']


def test_a_measured_speed_with_a_slower_robot_is_not_mentioned(demos):
    assert leaks.check_set(demos(drive=answering(1, noise=0.05))) == []


def around(sign=1.0):
    """Return a drive round a circle of states: where it is says what to do."""

    def drive(rng, obs, actions):
        at = rng.uniform(0, 2 * np.pi) + 0.05 * np.arange(len(obs))
        seen = np.repeat(obs[:1] * 0.0, len(obs), axis=0)
        seen[:, 0], seen[:, 1] = 2 + np.cos(at), 2 + np.sin(at)
        seen += rng.normal(scale=0.005, size=seen.shape).astype(np.float32) * (seen != 0)
        done = np.stack([np.full(len(at), 0.3), sign * np.sin(2 * at)], axis=1)
        return done[:-1].astype(np.float32), seen.astype(np.float32)

    return drive


def test_episodes_that_agree_do_not_contradict(demos):
    assert contradictions.check_set(demos(count=8, drive=around())) == []


def test_the_one_episode_that_does_otherwise_is_named(demos):
    whole = demos(count=8, drive=around())
    whole.takes[3] = replace(demos(count=8, drive=around(-1.0)).takes[3])
    (found,) = contradictions.check_set(whole)
    assert (found.episode, found.level) == ('e3', 'bad')
    assert found.numbers['contradicting_ratio'] > 0.5
    assert found.numbers['others_ratio'] < 0.15
    assert found.command.startswith('./ilw episodes drop demos/e3')


def test_two_styles_in_equal_parts_concern_the_set(demos):
    whole, other = demos(count=8, drive=around()), demos(count=8, drive=around(-1.0))
    whole.takes[::2] = other.takes[::2]
    (found,) = contradictions.check_set(whole)
    assert found.episode == ''
    assert found.numbers['contradicting_ratio'] > 0.3 * found.numbers['random_ratio']


def test_states_that_never_come_again_do_not_contradict(demos):
    assert contradictions.check_set(demos()) == []


def test_starts_are_counted(demos):
    (found,) = starts.check_set(demos(count=10))
    assert (found.level, found.numbers['distinct_starts']) == ('note', 10)
    whole = demos(count=10)
    same = whole.takes[0].episode.obs[0]
    for take in whole.takes[:7]:
        take.episode.obs[0] = same
    (found,) = starts.check_set(whole)
    assert (found.level, found.numbers['distinct_starts']) == ('warn', 4)
    for take in whole.takes:
        take.episode.obs[0] = same
    (found,) = starts.check_set(whole)
    assert 'all 10 episodes begin in the same state' in found.text
    assert found.command == './ilw up record --task clutter'


def test_a_sensor_that_was_dead_in_one_episode_is_bad_there(demos):
    whole = demos()
    whole.takes[4].episode.obs[:, :36] = 4.0
    (found,) = sensing.check_set(whole)
    assert (found.level, found.kind, found.episode) == ('bad', 'frozen', 'e4')
    assert found.command == './ilw episodes redo demos/e4'


def test_outcomes_are_weighed(demos):
    assert takes.check_outcomes(demos()) == []
    few = demos(meta=lambda i: {'outcome': 'success' if i < 2 else 'failure'})
    (found,) = takes.check_outcomes(few)
    assert (found.level, found.numbers['failures']) == ('warn', 4)
    (found,) = takes.check_outcomes(demos(meta=lambda i: {'outcome': 'failure'}))
    assert found.level == 'bad'


def test_an_episode_beside_what_was_made_from_it_counts_twice(demos):
    whole = demos(meta=lambda i: {'source': {'episode': 'id1'}} if i == 5 else {})
    (found,) = takes.check_outcomes(whole)
    assert (found.level, found.episode) == ('bad', 'e1')
    assert found.command == "./ilw episodes drop demos/e1 --why 'e5 replaces it'"


def test_what_was_made_twice_from_one_recording_counts_twice(demos):
    whole = demos(meta=lambda i: {'source': {'sha256': str(i % 5)}})
    (found,) = takes.check_outcomes(whole)
    assert (found.level, found.episode) == ('bad', 'e5')
    parts = demos(meta=lambda i: {'source': {'sha256': 'same', 'cut': {'head_s': i}}})
    assert takes.check_outcomes(parts) == []


def test_what_the_recorder_suspects_is_passed_on(bags, maze, tmp_path):
    from ilw_data.doctor import check_episodes

    folder = bags.write(tmp_path / 'one', ticks=60, meta={'outcome': 'success'},
                        drive=lambda i: (0.4, 1.2 if i % 4 < 2 else -1.2))
    for reasons, said in ((['odom: 2 gap(s).'], 'odom: 2 gap(s).'), ([], 'does not say why')):
        (folder / 'quality.json').write_text(json.dumps(
            {'verdict': 'suspect', 'reasons': reasons}))
        report = check_episodes(tmp_path, maze)
        (found,) = [f for f in report.findings if f.kind == 'suspect']
        assert said in found.text
        assert report.verdicts == {'one': 'warn'}
    (folder / 'quality.json').write_text('[')
    assert check_episodes(tmp_path, maze).verdicts == {'one': 'good'}
