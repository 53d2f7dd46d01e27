"""Episodes are found and read; anything else gets one clear error."""

import json

import pytest

from ilw_core.episode import Outcome
from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import SCHEMA, EpisodeFolder, find_episodes, read_episode


def make(folder, meta=None):
    folder.mkdir(parents=True)
    (folder / 'metadata.yaml').write_text('rosbag2_bagfile_information: {}')
    (folder / 'bag.mcap').write_bytes(b'')
    if meta is not None:
        (folder / 'episode.json').write_text(json.dumps(meta))
    return folder


def test_an_episode_tells_its_outcome_and_contract(tmp_path):
    folder = make(tmp_path / 'one', {'schema': SCHEMA, 'outcome': 'success', 'contract_hash': 'h',
                                     'contract_text': 'x', 'stop_reason': 'goal'})
    episode = read_episode(folder)
    assert episode.outcome is Outcome.SUCCESS
    assert (episode.contract_hash, episode.contract_text) == ('h', 'x')
    assert episode.stop_reason == 'goal'
    assert episode.bag_files == [folder / 'bag.mcap']


def test_a_foreign_bag_is_an_episode_of_unknown_outcome(tmp_path):
    assert read_episode(make(tmp_path / 'foreign')).outcome is Outcome.UNKNOWN


def test_staging_and_other_hidden_folders_are_not_episodes(tmp_path):
    make(tmp_path / 'clutter' / '.staging' / 'half')
    whole = make(tmp_path / 'clutter' / 'whole')
    assert [episode.path for episode in find_episodes(tmp_path)] == [whole]


@pytest.mark.parametrize('meta', ['{', '[]', '{"schema": "ilw.episode/99"}'])
def test_a_damaged_or_newer_episode_json_is_refused(tmp_path, meta):
    folder = make(tmp_path / 'bad')
    (folder / 'episode.json').write_text(meta)
    with pytest.raises(EpisodeError, match=r'episode\.json'):
        read_episode(folder)


def test_a_folder_without_a_bag_is_not_an_episode(tmp_path):
    with pytest.raises(EpisodeError, match='not an episode'):
        read_episode(tmp_path)
    with pytest.raises(EpisodeError, match='nothing'):
        read_episode(tmp_path / 'absent')
    with pytest.raises(EpisodeError, match='nothing'):
        find_episodes(tmp_path / 'absent')


@pytest.mark.parametrize(('text', 'expected'), [
    ('{"verdict": "suspect", "reasons": ["scan: 1 gap(s)"]}', ('scan: 1 gap(s)',)),
    ('{"verdict": "good", "reasons": []}', ()), ('{"reasons": 3}', ()), ('[', ()), ('[]', ())])
def test_what_the_recorder_doubts_is_there_to_read(tmp_path, text, expected):
    (tmp_path / 'quality.json').write_text(text)
    assert EpisodeFolder(tmp_path, {}).suspect == expected
    assert EpisodeFolder(tmp_path / 'none', {}).suspect == ()
