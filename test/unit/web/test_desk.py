"""What the page asks about episodes is answered by the commands that know."""

import asyncio
import json
from pathlib import Path
import re
import shlex

import pytest

from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import SCHEMA
from ilw_web.jobs.known_folders import KnownFolders
from ilw_web.server.desk import FEWEST_BESIDE, MOST_BESIDE, Desk
from ilw_web.server.server import MOST_BYTES
from ilw_web.server.shelf import Shelf

pytestmark = pytest.mark.long


def desk_of(folder, shelf=None):
    """Return the desk of a cockpit whose episodes lie in a folder, and its runs beside them."""
    runs = folder.parent / f'{folder.name}-runs'
    return Desk(KnownFolders(folder, runs, folder.parent / 'deployed', 'clutter'),
                (shelf or Shelf(runs)).share)


def test_the_page_knows_the_limits_of_its_server():
    sources = Path(__file__).resolve().parents[3] / 'src' / 'ilw_web' / 'web' / 'src'
    beside, link = ((sources / name).read_text() for name in ('pages/beside.ts', 'link.ts'))
    assert re.search(r'FEWEST = (\d+), MOST = (\d+);', beside).groups() == (
        str(FEWEST_BESIDE), str(MOST_BESIDE))
    assert re.search(r'MOST_BYTES = (\d+);', link)[1] == str(MOST_BYTES)


def test_an_empty_folder_has_no_episodes_and_nothing_to_check(tmp_path):
    desk = desk_of(tmp_path)
    assert asyncio.run(desk.ask('episodes', {})) == {'episodes': []}
    with pytest.raises(IlwError, match='holds no episode'):
        asyncio.run(desk.ask('check', {}))


def test_the_list_tells_length_and_doubts(tmp_path):
    folder = tmp_path / 'clutter' / 'one'
    folder.mkdir(parents=True)
    (folder / 'one.mcap').write_bytes(b'')
    (folder / 'metadata.yaml').write_text('')
    (folder / 'episode.json').write_text(json.dumps({
        'schema': SCHEMA, 'task': 'clutter', 'outcome': 'success', 'begin_ns': 10**9,
        'end_ns': 3_500_000_000}))
    (folder / 'quality.json').write_text(json.dumps({'reasons': ['scan: it was late.']}))
    (found,) = asyncio.run(desk_of(tmp_path).ask('episodes', {}))['episodes']
    assert (found['seconds'], found['suspect']) == (2.5, ['scan: it was late.'])
    assert found['outcome'] == 'success'


def test_what_is_no_request_is_refused_and_who_asks_the_same_gets_the_same_answer(tmp_path):
    async def twice():
        desk = desk_of(tmp_path)
        with pytest.raises(KeyError):
            await desk.ask('shell', {})
        first = asyncio.create_task(desk.ask('episodes', {}))
        await asyncio.sleep(0.01)
        second = await desk.ask('episodes', {})
        assert second is await first and second == {'episodes': []}
        assert await desk.ask('episodes', {}) is not second
    asyncio.run(twice())


def test_what_was_asked_before_an_edit_is_no_answer_to_what_is_asked_after_it(
        tmp_path, monkeypatch):
    (tmp_path / 'one').mkdir()
    there, slow = ['one'], asyncio.Event()

    async def run(words):
        if 'drop' in words:
            there.clear()
            return {}
        seen = list(there)
        await slow.wait()
        return seen

    async def asked():
        desk = desk_of(tmp_path)
        before = asyncio.create_task(desk.ask('episodes', {}))
        await asyncio.sleep(0.01)
        await desk.ask('mend', {'command': f'./ilw episodes drop {tmp_path}/one'})
        after = asyncio.create_task(desk.ask('episodes', {}))
        await asyncio.sleep(0.01)
        slow.set()
        assert (await before, await after) == (['one'], [])
    monkeypatch.setattr('ilw_web.server.desk._run', run)
    asyncio.run(asked())


@pytest.mark.parametrize('name', ['mend', 'plan'])
@pytest.mark.parametrize(('command', 'says'), [
    ('./ilw episodes drop /etc', 'may name folders'), ('./ilw train demos', 'no command'),
    ('./ilw runs drop demos', 'no command'), ("./ilw episodes drop 'demos", 'no command'),
    ('', 'no command'), ('./ilw episodes trim {} --out /tmp', "trim has no '--out'"),
    ('./ilw episodes trim {} --head -1', 'number'), ('./ilw episodes trim {} --head', 'number'),
    ('./ilw episodes redo {} --task /etc/passwd', 'There is no')])
def test_what_is_no_edit_of_an_episode_is_refused(tmp_path, name, command, says):
    with pytest.raises(IlwError, match=says):
        asyncio.run(desk_of(tmp_path).ask(name, {'command': command.format(tmp_path)}))


def test_an_episode_is_dropped_and_restored(tmp_path):
    folder = tmp_path / 'clutter' / "it's one"
    folder.mkdir(parents=True)
    (folder / 'one.mcap').write_bytes(b'')
    (folder / 'episode.json').write_text(json.dumps({'schema': SCHEMA, 'task': 'clutter'}))
    desk = desk_of(tmp_path)

    def mend(*words):
        return asyncio.run(desk.ask('mend', {'command': shlex.join(words)}))

    out = mend('./ilw', 'episodes', 'drop', str(folder), '--why', 'bumped; rm -rf')['path']
    assert not folder.exists()
    (dropped,) = asyncio.run(desk.ask('dropped', {}))['dropped']
    assert (dropped['path'], dropped['why']) == (out, 'bumped; rm -rf')
    assert mend('./ilw', 'episodes', 'restore', out)['path'] == str(folder) and folder.exists()


def test_a_plan_says_what_an_edit_would_change_and_changes_nothing(tmp_path, bags):
    folder = bags.write(tmp_path / 'demos' / 'maze' / "it's one", meta={
        'contract_text': bags.contract.text})
    desk = desk_of(tmp_path / 'demos')

    def ask(name, command):
        return asyncio.run(desk.ask(name, {'command': command}))

    plan = ask('plan', shlex.join(['./ilw', 'episodes', 'trim', str(folder), '--head', '0.5']))
    assert [each['episode'] for each in plan['changes']] == [folder.name, '']
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]
    done = ask('mend', plan['command'])
    assert not folder.exists() and done['undo'] == plan['undo']
    undone = ask('mend', done['undo'])
    assert undone['path'] == str(folder) and [
        each.name for each in folder.parent.iterdir() if each.name[0] != '.'] == [folder.name]
    with pytest.raises(IlwError, match='nothing there'):
        ask('plan', shlex.join(['./ilw', 'episodes', 'restore', str(folder)]))


def test_thumbnails_lie_beside_the_runs_and_are_read_by_a_key_that_nobody_guesses(tmp_path, bags):
    folder = bags.write(tmp_path / 'demos' / 'maze' / 'one', meta={'outcome': 'success'})
    torn = bags.write(tmp_path / 'demos' / 'maze' / 'torn')
    (torn / 'torn.mcap').write_bytes(b'nonsense')
    before = sorted(each for each in (tmp_path / 'demos').rglob('*'))
    shelf = Shelf(tmp_path / 'demos-runs')
    desk = desk_of(tmp_path / 'demos', shelf)
    said = asyncio.run(desk.ask('thumbnails', {}))
    assert said['left'] == 0 and sorted(each for each in (tmp_path / 'demos').rglob('*')) == before
    found = said['thumbnails']
    kind, picture = shelf.read(said['at'], found[str(folder)]['file'])
    assert kind == 'image/png' and picture.startswith(b'\x89PNG')
    assert found[str(torn)]['file'] == '' and 'is damaged' in found[str(torn)]['why']
    assert '\n' not in found[str(torn)]['why']
    assert shelf.read('guessed', found[str(folder)]['file']) is None
    assert shelf.read(said['at'], '../../demos/maze/one/one.mcap') is None
    assert asyncio.run(desk.ask('thumbnails', {})) == said


def test_episodes_are_read_side_by_side_while_the_server_goes_on(tmp_path, bags):
    paths = [str(bags.write(tmp_path / 'maze' / name, drive=lambda i, v=v: (v, 0.0),
                            meta={'contract_text': bags.contract.text}))
             for name, v in (('one', 0.1), ('two', 0.3))]

    async def play():
        desk, turns = desk_of(tmp_path), 0
        asked = asyncio.create_task(desk.ask('beside', {'episodes': '\n'.join(paths)}))
        while not asked.done():
            await asyncio.sleep(0.005)
            turns += 1
        return await asked, turns
    said, turns = asyncio.run(play())
    assert said['field'] == 'action/twist.linear.x' and turns > 10
    assert [each['path'] for each in said['episodes']] == paths
    assert [each['points'][5] for each in said['episodes']] == [[0.5, 0.1], [0.5, 0.3]]


@pytest.mark.parametrize(('episodes', 'field', 'says'), [
    (['one'], '', 'Choose 2 to 6 episodes. Got 1'), ([], '', 'Got 0'),
    (['one', 'one'], '', 'Got 1'), ([f'{n}' for n in range(7)], '', 'Got 7'),
    (['one', 'nothing'], '', 'There is no folder'), (['one', '/etc'], '', 'may name folders'),
    (['one', '--help'], '', 'There is no folder'), (['one', '../..'], '', 'may name folders'),
    (['one', 'torn'], '', 'is damaged'), (['one', 'none'], '', 'is not an episode'),
    (['one', 'two'], 'nonsense', "must have the field 'nonsense'"),
    (['one', 'two'], 'a\nb', 'one line')])
def test_what_cannot_be_drawn_side_by_side_is_refused_in_one_line(
        tmp_path, bags, monkeypatch, episodes, field, says):
    for name in ('one', 'two', 'torn'):
        bags.write(tmp_path / 'maze' / name, meta={'contract_text': bags.contract.text})
    (tmp_path / 'maze' / 'torn' / 'torn.mcap').write_bytes(b'nonsense')
    (tmp_path / 'maze' / 'none').mkdir()
    monkeypatch.chdir(tmp_path / 'maze')
    with pytest.raises(IlwError, match=says) as error:
        asyncio.run(desk_of(tmp_path).ask('beside', {
            'episodes': '\n'.join(episodes), 'field': field}))
    assert '\n' not in str(error.value)


def test_the_values_of_a_training_come_with_where_each_is_from(tmp_path):
    desk = desk_of(tmp_path)
    said = asyncio.run(desk.ask('config', {'algo': 'bc', 'task': 'maze'}))
    assert said['algorithm'] == 'bc' and 'bc.yaml' in said['values']['updates']['from']
    with pytest.raises(IlwError, match='no run'):
        asyncio.run(desk.ask('runs', {}))
    assert 'bc' in asyncio.run(desk.ask('choices', {}))['algorithms']
