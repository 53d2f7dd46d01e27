"""Names and values that others chose: no command prints them so that they act, or pastes them."""

import json
import shutil

from click.testing import CliRunner
import pytest

from ilw_bringup import cli
from ilw_core.errors import EpisodeError
from ilw_data.bag.raw.bag import RawBag
from ilw_data.commands.episodes import episodes
from ilw_data.episode.bin import place_in_training
from ilw_learner.commands.runs import runs
from ilw_sysid.commands import gap

NAMES = ['a\x1b[2Jb', 'a\u202eb', 'a\nb', 'a $(touch x)', "it's", '[red]a', 'a\x9b1mb', 'a\u200bb']


def plain(text):
    """Tell whether lines of text show all that they hold."""
    return all(line.isprintable() for line in text.split('\n'))


def said_by(command, *words, monkeypatch=None):
    """Return what a command prints, its errors as the entry shows them."""
    result = CliRunner().invoke(command, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, (SystemExit, EpisodeError)), (
        result.exception)
    return result.output


@pytest.fixture(params=NAMES, ids=ascii)
def hostile(request, bags, tmp_path):
    """Return a folder of one episode whose name and description are hostile."""
    name = request.param
    folder = bags.write(tmp_path / 'demos' / 'plain', meta={
        'schema': 'ilw.episode/1', 'episode': name, 'outcome': 'success', 'stop_reason': name,
        'task': name, 'notes': name, name: name})
    target = folder.with_name(name)
    folder.rename(target)
    return target


@pytest.mark.parametrize('words', [['list'], ['show'], ['check', '--task', 'maze']],
                         ids=lambda words: words[0])
def test_what_an_episode_says_is_printed_plainly(hostile, words):
    at = hostile if words[0] == 'show' else hostile.parent
    said = said_by(episodes, words[0], at, *words[1:])
    assert plain(said) and said
    lines = 1 if words[0] == 'list' else 0
    if lines:
        assert said.count('\n') == 2


def test_what_was_dropped_and_why_is_printed_plainly(hostile):
    said_by(episodes, 'drop', hostile, '--why', hostile.name)
    said = said_by(episodes, 'list', hostile.parent, '--dropped')
    assert plain(said) and said.count('\n') == 2


def test_what_a_run_says_is_printed_plainly_or_left_out(hostile, tmp_path):
    for number, change in enumerate([
            {}, {'seed': hostile.name}, {'train_s': [1]}, {'success': 1, 'episodes_eval': 0},
            {'task': None}, {'mean_return': 'x'}, {'success': {}, 'episodes_eval': 1}]):
        run = tmp_path / 'runs' / f'{number}{hostile.name}'
        run.mkdir(parents=True)
        summary = {'task': hostile.name, 'algorithm': hostile.name, 'seed': 0, 'train_s': 1.0}
        (run / 'training.json').write_text(json.dumps(summary | change))
        (run / 'metrics.jsonl').write_text('{"step": "x", "eval/success_rate": 1}\n')
    said = said_by(runs, tmp_path / 'runs')
    assert plain(said) and said.count('\n') == 2


def test_a_gap_between_hostile_names_is_a_plain_page(hostile, tmp_path):
    said = said_by(gap, hostile, hostile, '--task', 'maze', '--out', tmp_path / 'out')
    assert plain(said)
    page = tmp_path / 'out' / 'gap.html'
    if page.exists():
        assert plain(page.read_text().replace('\n', ''))


def test_what_is_to_be_pasted_is_quoted(tmp_path):
    name = tmp_path / 'a b $(touch x)'
    name.mkdir()
    (name / 'one.mcap').write_bytes(b'no recording' * 10)
    with pytest.raises(EpisodeError) as caught:
        RawBag(name)
    assert f"import '{name}' --task" in str(caught.value)
    with pytest.raises(EpisodeError) as caught:
        place_in_training(name / 'one.mcap')
    assert f"import '{name}/one.mcap' --task" in str(caught.value)
    shutil.rmtree(name)


@pytest.mark.parametrize('name', NAMES, ids=ascii)
@pytest.mark.parametrize('words', [['episodes', 'show'], ['episodes', 'list'], ['eval'],
                                   ['promote'], ['nothing'], ['replay', '--policy', 'x', '--bag']],
                         ids=' '.join)
def test_an_error_is_one_plain_line(name, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('sys.argv', ['./ilw', *words, name])
    monkeypatch.setattr('signal.signal', lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 2 and plain(said.err) and said.out == ''
    if 'Usage' not in said.err:
        assert said.err.count('\n') == 1
