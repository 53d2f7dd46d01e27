"""One field of several episodes over time, from the beginning of each."""

import json

import numpy as np
import pytest

from ilw_core.contract.file import parse_contract
from ilw_core.errors import EpisodeError
from ilw_data.commands.episodes import episodes
from ilw_data.episode.dataset import load_episode
from ilw_data.shown import series
from ilw_data.shown.series import field_over_time, fields_in_common

FORWARD, PLACE = 'action/twist.linear.x', 'observation/pose.x_m'


def test_a_field_of_the_action_is_what_was_commanded_and_a_gap_is_none(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one', drive=lambda i: (0.02 * i, 0.0), silent=(7, 8))
    points = field_over_time(load_episode(folder, maze), maze, FORWARD)
    assert points[0][0] == 0.0 and np.allclose(np.diff([at for at, _ in points]), 0.1)
    values = {round(at * 10): value for at, value in points}
    assert values[5] is not None and values[7] is None
    assert [round(50 * values[i]) - i for i in (2, 5, 12)] == [round(50 * values[2]) - 2] * 3


def test_a_field_of_the_observation_is_what_the_resampler_gives(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one', drive=lambda i: (0.02 * i, 0.1), leave_out=range(9, 16))
    episode = load_episode(folder, maze)
    points = field_over_time(episode, maze, PLACE)
    column = maze.obs_names.index(PLACE.removeprefix('observation/'))
    assert len(points) == len(episode.obs)
    for (_, value), want, good in zip(points, episode.obs[:, column],
                                      episode.obs_valid[:, column], strict=True):
        assert value == pytest.approx(want, abs=1e-5) if good else value is None
    assert None in [value for _, value in points]


def test_of_a_long_episode_steps_are_left_out(bags, maze, tmp_path, monkeypatch):
    episode = load_episode(bags.write(tmp_path / 'one', ticks=40), maze)
    whole = field_over_time(episode, maze, FORWARD)
    monkeypatch.setattr(series, 'MOST_POINTS', 10)
    some = field_over_time(episode, maze, FORWARD)
    assert len(some) <= 10 and some == whole[::4]


def test_several_contracts_share_what_both_have_in_the_same_unit(maze):
    fields = fields_in_common([maze, maze])
    assert next(iter(fields.items())) == (FORWARD, 'm/s') and PLACE in fields
    other = parse_contract(maze.text.replace('unit: m/s', 'unit: "%"'))
    assert FORWARD not in fields_in_common([maze, other])
    assert PLACE in fields_in_common([maze, other])


def test_episodes_that_share_nothing_are_told_so(maze, monkeypatch):
    fields = iter([{'action/a': 'm'}, {'action/b': 'm'}])
    monkeypatch.setattr(series, '_fields', lambda contract: next(fields))
    with pytest.raises(EpisodeError, match='share none'):
        fields_in_common([maze, maze])


def test_the_command_shows_the_first_field_or_the_one_that_is_named(bags, maze, tmp_path, run):
    paths = [bags.write(tmp_path / name, drive=lambda i, v=v: (v, 0.0),
                        meta={'contract_text': maze.text})
             for name, v in (('one', 0.1), ('two', 0.3))]
    code, said, _ = run(episodes, 'curves', *paths, '--json')
    said = json.loads(said)
    assert (code, said['field'], said['fields'][FORWARD]) == (0, FORWARD, 'm/s')
    assert [each['path'] for each in said['episodes']] == [str(path) for path in paths]
    assert [each['points'][5][1] for each in said['episodes']] == pytest.approx([0.1, 0.3])
    code, said, _ = run(episodes, 'curves', paths[1], '--field', PLACE)
    assert code == 0 and said.startswith(PLACE) and '0 to 1.9, mean 0.95' in said


@pytest.mark.parametrize(('words', 'says'), [
    (('{}/one', '--field', 'nonsense'), "must have the field 'nonsense'"),
    (('{}/none',), 'nothing there'), (('{}/mute',), 'must say its contract'),
    (('{}/one', '{}/damaged'), 'is damaged')])
def test_what_cannot_be_drawn_is_one_line(bags, maze, tmp_path, run, words, says):
    for name in ('one', 'damaged'):
        bags.write(tmp_path / name, meta={'contract_text': maze.text})
    bags.write(tmp_path / 'mute')
    (tmp_path / 'damaged' / 'damaged.mcap').write_bytes(b'nonsense')
    code, _, error = run(episodes, 'curves', *(word.format(tmp_path) for word in words))
    assert code == 2 and says in error and error.count('\n') == 1
