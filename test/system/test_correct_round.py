"""A whole round of corrections over real nodes: a policy drives, a script takes the stick."""

from pathlib import Path

import pytest
from short_lessons import ilw, taught_briefly

from ilw_core.storage.episode_folder import find_episodes


@pytest.mark.slow
def test_a_round_of_corrections_is_driven_learned_compared_and_not_repeated(tmp_path):
    first, config = taught_briefly(tmp_path)
    words = ('correct', first / 'training' / 'checkpoint', '--demos', first / 'demos' / 'clutter',
             '--rounds', 1, '--attempts', 6, '--episodes', 6, '--scripted', '--config', config,
             '--out', tmp_path / 'run')
    report = ilw(*words)
    found, = report['rounds']
    assert found['n'] == 6
    assert found['takeovers_per_attempt'] > 0, 'four demonstrations do not teach the task'
    assert 0.0 < found['person_share'] < 1.0
    assert found['takeover_jump'] <= 0.4 + 1e-6, 'what max_rate allows in a period'
    assert Path(found['corrections']['checkpoint']).is_dir()
    folder = tmp_path / 'run' / 'round-1'
    assert 'takeovers' in (folder / 'round.html').read_text()
    episodes = find_episodes(folder / 'corrections' / 'episodes')
    assert len(episodes) == 6
    assert sum(each['takeovers'] for each in found['attempts']) == pytest.approx(
        6 * found['takeovers_per_attempt'], abs=1e-2)
    (folder / 'round.json').unlink()  # as if it had been interrupted before its last word
    assert ilw(*words) == report
    assert len(find_episodes(folder / 'corrections' / 'episodes')) == 6


@pytest.mark.slow
def test_a_policy_that_asks_is_helped_and_the_page_tells_its_requests(tmp_path):
    first, config = taught_briefly(tmp_path)
    found, = ilw('correct', first / 'training' / 'checkpoint', '--demos',
                 first / 'demos' / 'clutter', '--rounds', 1, '--attempts', 4, '--episodes', 4,
                 '--scripted', '--gate', 'robot', '--budget', 0.2, '--config', config, '--out',
                 tmp_path / 'run')['rounds']
    assert found['requests'] > 0, 'it has learned little'
    for each in found['attempts']:
        assert each['takeovers'] <= each['novel'] + each['risky'], 'the script waits to be asked'
    page = (tmp_path / 'run' / 'round-1' / 'round.html').read_text()
    assert 'novel' in page and 'budget' in page
