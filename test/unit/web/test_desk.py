"""What the page asks about episodes is answered by the commands that know."""

import asyncio
import json

import pytest

from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import SCHEMA
from ilw_web.server.desk import Desk

pytestmark = pytest.mark.long


def test_an_empty_folder_has_no_episodes_and_nothing_to_check(tmp_path):
    desk = Desk(tmp_path, 'clutter')
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
    (found,) = asyncio.run(Desk(tmp_path, 'clutter').ask('episodes', {}))['episodes']
    assert (found['seconds'], found['suspect']) == (2.5, ['scan: it was late.'])
    assert found['outcome'] == 'success'


def test_what_is_no_request_is_refused_and_the_same_is_not_asked_twice_at_once(tmp_path):
    async def twice():
        desk = Desk(tmp_path, 'clutter')
        with pytest.raises(KeyError):
            await desk.ask('shell', {})
        first = asyncio.create_task(desk.ask('episodes', {}))
        await asyncio.sleep(0.01)
        with pytest.raises(IlwError, match='already'):
            await desk.ask('episodes', {})
        assert await first == {'episodes': []}
    asyncio.run(twice())
