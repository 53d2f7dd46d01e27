"""What the page asks about episodes is answered by the commands that know."""

import asyncio
import json
import shlex

import pytest

from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import SCHEMA
from ilw_web.jobs.known_folders import KnownFolders
from ilw_web.server.desk import Desk

pytestmark = pytest.mark.long


def desk_of(folder):
    """Return the desk of a cockpit whose episodes lie in a folder."""
    return Desk(KnownFolders(folder, folder / 'runs', folder / 'deployed', 'clutter'))


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


@pytest.mark.parametrize(('command', 'says'), [
    ('./ilw episodes drop /etc', 'may name folders'), ('./ilw train demos', 'no command'),
    ('./ilw runs drop demos', 'no command'), ("./ilw episodes drop 'demos", 'no command'),
    ('', 'no command'), ('./ilw episodes trim {} --out /tmp', "trim has no '--out'"),
    ('./ilw episodes trim {} --head -1', 'number'), ('./ilw episodes trim {} --head', 'number'),
    ('./ilw episodes redo {} --task /etc/passwd', 'There is no')])
def test_what_is_no_edit_of_an_episode_is_refused(tmp_path, command, says):
    with pytest.raises(IlwError, match=says):
        asyncio.run(desk_of(tmp_path).ask('mend', {'command': command.format(tmp_path)}))


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


def test_the_values_of_a_training_come_with_where_each_is_from(tmp_path):
    desk = desk_of(tmp_path)
    said = asyncio.run(desk.ask('config', {'algo': 'bc', 'task': 'maze'}))
    assert said['algorithm'] == 'bc' and 'bc.yaml' in said['values']['updates']['from']
    with pytest.raises(IlwError, match='no run'):
        asyncio.run(desk.ask('runs', {}))
    assert 'bc' in asyncio.run(desk.ask('choices', {}))['algorithms']
