"""A whole round of improvement over real nodes: driven, learned, compared, decided, logged."""

import pytest
from short_lessons import ilw, taught_briefly

from ilw_core.storage.episode_folder import find_episodes
from ilw_learner.checkpoint.deployed import Deployed


@pytest.mark.slow
def test_a_round_is_driven_learned_compared_decided_and_not_repeated(tmp_path):
    first, config = taught_briefly(tmp_path)
    store = Deployed(tmp_path / 'deployed', 'clutter')
    ilw('promote', first / 'training' / 'checkpoint', '--root', tmp_path / 'deployed',
        '--episodes', 1, '--floor', 0, '--because', 'to begin with')
    begin = store.current().name
    words = ('improve', '--task', 'clutter', '--root', tmp_path / 'deployed', '--demos',
             first / 'demos' / 'clutter', '--rounds', 1, '--every', 4, '--episodes', 20,
             '--scripted', '--config', config, '--out', tmp_path / 'run')
    report = ilw(*words)
    decisions = report['decisions']
    driven = [each for each in decisions if each['what'] == 'episode']
    assert [each['policy'] for each in driven[:10]] == 10 * [begin]
    recorded = [each for each in find_episodes(tmp_path / 'run') if each.stop_reason != 'fault']
    assert len(driven) == len(recorded)
    assert sum(each['takeovers'] for each in driven) > 0, 'four demonstrations do not teach it'
    decided, = (each for each in decisions if each['what'] in ('promote', 'refuse'))
    assert decided['pairs'] == 20
    learned = decided['policy' if decided['what'] == 'promote' else 'refused']
    assert learned != begin
    assert store.current().name == report['policy']
    assert (tmp_path / 'run' / 'round-1' / f'training-{begin}' / 'checkpoint').is_dir()
    assert ilw(*words) == report, 'nothing is done twice'
    assert ilw('improve', '--show', '--task', 'clutter', '--out', words[-1]) == {
        'decisions': decisions}
