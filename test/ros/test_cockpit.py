"""The cockpit's server by real sockets, before real teleop and arbiter nodes over DDS."""

import asyncio
import contextlib
import itertools
import json
import socket
import ssl
import subprocess
import sys
import time

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('aiohttp')
import aiohttp
from cockpit_loop import ARBITER, COCKPIT, PAD, TELEOP, Loop, free_port, pressing, wait_until
import rclpy
from yarl import URL

from ilw_bringup.start.private_domain import private_domain
from ilw_ros.transport import start_ros
from ilw_web.server.gate import PROTOCOL
from ilw_web.server.server import MOST_VIEWERS

pytestmark = pytest.mark.long
STOP_S, ESTOP_S = 0.3, 0.1
_NUMBERS = itertools.count(1000)


@pytest.fixture(scope='module')
def loop():
    """Return the running nodes; starting them takes longer than a test."""
    with private_domain():
        start_ros()
        made = Loop(COCKPIT, TELEOP, ARBITER)
        asyncio.run(made.until_ready())
        yield made
        made.close()
        rclpy.try_shutdown()


async def hears(ws, kind, seconds=5.0, **wanted):
    """Return the next news of a kind in which these values stand."""
    async with asyncio.timeout(seconds):
        async for message in ws:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            for each in json.loads(message.data):
                if each['t'] == kind and all(each[key] == value for key, value in wanted.items()):
                    return each
    raise AssertionError(f'the socket closed ({ws.close_code}) before {kind} came')


async def refused(loop, **given):
    """Return the status that a socket is refused with."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with loop.browser(**given):
            pass
    return caught.value.status


def test_only_the_page_with_the_token_is_let_in(loop):
    async def tries():
        assert await refused(loop, token='wrong') == 403
        assert await refused(loop, token='') == 403
        assert await refused(loop, origin='http://evil.example') == 403
        assert await refused(loop, origin='') == 403
        assert await refused(loop, origin=f'https://127.0.0.1:{loop.port}') == 403
        assert await refused(loop, Host=f'evil.example:{loop.port}') == 403
        async with loop.browser() as ws:
            assert (await hears(ws, 'hello'))['task'] == 'clutter'
        async with aiohttp.ClientSession() as session:
            async with session.get(f'http://127.0.0.1:{loop.port}/') as page:
                assert page.status == 200
                assert "default-src 'none'" in page.headers['Content-Security-Policy']
            for path in ('/../setup.py', '/%2e%2e/setup.py', '/nothing.js'):
                async with session.get(f'http://127.0.0.1:{loop.port}{path}') as page:
                    assert page.status == 404
    asyncio.run(tries())


def test_it_listens_on_this_machine_only(loop):
    for address in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}:
        if not address.startswith('127.') and ':' not in address:
            with pytest.raises(OSError):
                socket.create_connection((address, loop.port), 1.0).close()
    socket.create_connection(('127.0.0.1', loop.port), 1.0).close()


def test_a_second_driver_is_refused_until_the_first_has_left(loop):
    async def drive():
        async with loop.browser() as first, loop.browser() as second:
            me = (await hears(first, 'hello'))['you']
            you = (await hears(second, 'hello'))['you']
            await first.send_str('{"t":"drive"}')
            assert await hears(second, 'seat', driver=me)
            loop.spy.joys.clear()
            while len(loop.spy.joys) < 10:
                await first.send_str(pressing())
                await second.send_str('{"t":"drive"}')
                await second.send_str(pressing('deadman', forward=1.0))
                await asyncio.sleep(0.02)
            await second.send_str('{"t":"call","id":1,"name":"arm"}')
            assert 'Somebody else drives' in (await hears(second, 'answer', id=1))['text']
            assert {tuple(axes) for _, axes, _ in loop.spy.joys} == {tuple(PAD.at_rest()[0])}
            await first.send_str('{"t":"leave"}')
            await hears(second, 'seat', driver=None)
            await second.send_str('{"t":"drive"}')
            assert await hears(first, 'seat', driver=you)
    asyncio.run(drive())


def test_a_silent_driver_has_let_go_and_nothing_follows(loop):
    async def drive():
        async with loop.browser() as ws:
            await ws.send_str('{"t":"drive"}')
            for _ in range(10):
                await ws.send_str(pressing('deadman', forward=1.0))
                await asyncio.sleep(0.02)
            await wait_until(lambda: loop.spy.joys and loop.spy.joys[-1][1] == [])
            count = len(loop.spy.joys)
            assert loop.spy.joys[-2][1:] == tuple(PAD.at_rest())
            await ws.send_str(pressing('deadman', forward=1.0))  # thawed: it no longer drives
            await asyncio.sleep(0.3)
            assert len(loop.spy.joys) == count
    asyncio.run(drive())


@pytest.mark.parametrize('said', [
    'no json', '[]', '{}', '{"t":"joy"}', '{"t":"joy","a":[NaN],"b":[]}', '{"t":"fly"}',
    '{"t":"call","id":"x","name":"arm"}', '[' * 2000, '"' + 'x' * 5000 + '"'], ids=range(9))
def test_nonsense_ends_the_socket_and_nothing_else(loop, said):
    async def say():
        async with loop.browser() as bad, loop.browser() as good:
            await bad.send_str(said)
            async with asyncio.timeout(5.0):
                async for _ in bad:
                    pass
            assert bad.closed
            await good.send_str('{"t":"call","id":7,"name":"fly"}')
            assert 'no request' in (await hears(good, 'answer', id=7))['text']
    asyncio.run(say())


def test_the_emergency_stop_comes_through_a_flood_and_half_open_sockets(loop):
    async def flood(end):
        while not end.is_set():
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                async with loop.browser() as ws:
                    while not (ws.closed or end.is_set()):
                        for _ in range(100):
                            await ws.send_str('{"t":"leave"}')
                        await asyncio.sleep(0.01)  # 10,000 a second

    async def stop():
        half_open = [socket.create_connection(('127.0.0.1', loop.port)) for _ in range(100)]
        end = asyncio.Event()
        async with loop.browser() as viewer:
            flooding = [asyncio.create_task(flood(end)) for _ in range(2)]
            await asyncio.sleep(1.0)
            begun = time.monotonic()
            await viewer.send_str('{"t":"estop"}')
            await wait_until(lambda: any(stopped for at, stopped, _ in loop.spy.states
                                         if at > begun))
            took = next(at for at, stopped, _ in loop.spy.states if at > begun and stopped)
            end.set()
            await asyncio.gather(*flooding)
            assert took - begun <= ESTOP_S
            await viewer.send_str('{"t":"call","id":1,"name":"reset"}')
            assert (await hears(viewer, 'answer', id=1))['ok']
        for each in half_open:
            each.close()
    asyncio.run(stop())


async def jobs_until(ws, number, *states):
    """Return a job as it is told once it is in one of these states."""
    while True:
        for job in (await hears(ws, 'jobs', 60.0))['jobs']:
            if job['number'] == number and job['state'] in states:
                return job


async def asked(ws, kind, name, **given):
    """Return the answer to a request of the page."""
    number = next(_NUMBERS)
    await ws.send_str(json.dumps({'t': kind, 'id': number, 'name': name, 'with': given}))
    return await hears(ws, 'answer', 30.0, id=number)


def test_the_emergency_stop_comes_while_a_job_computes_and_everybody_sees_the_job(loop):
    async def stop():
        async with loop.browser() as viewer:
            started = await asked(viewer, 'do', 'evaluate', checkpoint='idle', task='clutter',
                                  episodes='99999')
            assert started['ok'], started['text']
            while not (await jobs_until(viewer, started['data'], 'running'))['progress']:
                pass
            for _ in range(3):
                begun = time.monotonic()
                await viewer.send_str('{"t":"estop"}')
                await wait_until(lambda begun=begun: any(
                    stopped for at, stopped, _ in loop.spy.states if at > begun))
                took = next(at for at, stopped, _ in loop.spy.states if at > begun and stopped)
                assert took - begun <= ESTOP_S
                assert (await asked(viewer, 'call', 'reset'))['ok']
            async with loop.browser() as other:
                assert await jobs_until(other, started['data'], 'running')
                assert (await asked(other, 'do', 'cancel', job=str(started['data'])))['ok']
                assert await jobs_until(other, started['data'], 'cancelled')
    asyncio.run(stop())


def test_what_a_job_leaves_is_read_by_its_key_in_a_sandbox(loop):
    async def read():
        async with loop.browser() as ws, aiohttp.ClientSession() as session:
            started = await asked(ws, 'do', 'compare', first='idle', second='random',
                                  task='clutter', episodes='1')
            job = await jobs_until(ws, started['data'], 'done', 'failed', 'refused')
            assert job['state'] == 'done', job
            (left,) = (loop.folder / 'runs').iterdir()
            (left / 'page.html').write_text('<script>1</script>')
            (loop.folder / 'runs' / 'other.html').write_text('another')
            shown = (await asked(ws, 'ask', 'job', job=str(started['data'])))['data']
            assert shown['pages'] == ['page.html'] and shown['result']['pairs'] == 1
            at = f'http://127.0.0.1:{loop.port}/left/{shown["at"]}'
            async with session.get(f'{at}/page.html') as page:
                assert page.status == 200 and await page.text() == '<script>1</script>'
                assert page.headers['Content-Security-Policy'].endswith('sandbox')
            for path in ('/../other.html', '/%2e%2e/other.html', '/..%2fother.html',
                         '/trials.jsonl', '/%2fetc%2fhostname'):
                async with session.get(URL(f'{at}{path}', encoded=True)) as page:
                    assert page.status == 404, path
            async with session.get(f'{at}x/page.html') as page:
                assert page.status == 404
    asyncio.run(read())


def test_a_job_that_drives_the_robot_is_for_the_driver(loop):
    async def start():
        async with loop.browser() as ws:
            said = await asked(ws, 'do', 'compare', first='idle', second='random', robot='yes')
            assert not said['ok'] and 'Take the wheel' in said['text']
            assert 'no request' in (await asked(ws, 'do', 'shell'))['text']
            said = await asked(ws, 'do', 'train', demos='/etc')
            assert 'may name folders' in said['text']
    asyncio.run(start())


def test_whoever_floods_is_shown_out_and_its_own_emergency_stop_still_counts(loop):
    async def flood():
        async with loop.browser() as ws:
            for _ in range(1000):
                await ws.send_str('{"t":"leave"}')
            await ws.send_str('{"t":"estop"}')
            assert (await hears(ws, 'answer', name='estop'))['ok']
            with contextlib.suppress(ConnectionError):
                for _ in range(2000):
                    await ws.send_str('{"t":"leave"}')
            async with asyncio.timeout(5.0):
                async for _ in ws:
                    pass
            assert ws.close_code in (1008, 1006)
        async with loop.browser() as ws:
            await ws.send_str('{"t":"call","id":1,"name":"reset"}')
            assert (await hears(ws, 'answer', id=1))['ok']
    asyncio.run(flood())


def test_silent_connections_are_dropped_and_viewers_counted(loop):
    async def crowd():
        silent = [socket.create_connection(('127.0.0.1', loop.port)) for _ in range(200)]
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MOST_VIEWERS):
                ws = await stack.enter_async_context(loop.browser())
                await hears(ws, 'hello')
            one_more = await stack.enter_async_context(loop.browser())
            with pytest.raises(AssertionError, match='1013'):
                await hears(one_more, 'hello')
        for each in silent:
            each.settimeout(10.0)
            with contextlib.suppress(ConnectionResetError):
                assert each.recv(1) == b''
            each.close()
    asyncio.run(crowd())


@pytest.mark.parametrize('ending', ['closed', 'cut', 'frozen'])
def test_a_page_that_is_gone_stops_the_robot(loop, ending):
    async def drive():
        async with loop.browser() as ws:
            await loop.driver_moves(ws)
            gone = time.monotonic()
            if ending == 'closed':
                await ws.close()
            elif ending == 'cut':
                ws._response.connection.transport.abort()
            await wait_until(lambda: [1 for at, x in loop.spy.commands
                                      if at > gone and abs(x) < 1e-6], 3.0, 'a stop')
            await asyncio.sleep(0.5)  # and it stands
            assert loop.stopped_s(gone) <= STOP_S
    asyncio.run(drive())


def test_a_taken_port_is_one_line_and_exit_code_2(loop):
    done = subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', 'cockpit', '--port',
                           str(loop.port)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and '--port' in done.stderr


def test_a_missing_folder_is_one_line_and_exit_code_2():
    done = subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', 'cockpit', '--port',
                           str(free_port()), '--demos', '/nowhere'],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == 'error: There is no folder /nowhere. Give one that is there: ' \
        '--demos DIR.\n'


@pytest.mark.parametrize(('words', 'says'), [
    (('--listen', '0.0.0.0'), 'TLS only'), (('--cert', '/nowhere.crt'), 'needs its key'),
    (('--cert', '/nowhere.crt', '--key', '/nowhere.key'), 'cannot be read'),
    (('--listen', 'elsewhere'), 'must be an address')])
def test_a_network_without_tls_is_one_line_and_exit_code_2(words, says):
    done = subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', 'cockpit', '--port',
                           str(free_port()), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and says in done.stderr


def test_with_a_certificate_of_its_own_it_speaks_tls_alone(loop, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    other = Loop(COCKPIT, cockpit=('-p', 'listen:=127.0.0.2', '-p', 'cert:=self'))

    async def look():
        trusted = ssl.create_default_context(cafile=tmp_path / '.config' / 'ilw' / 'cockpit.crt')
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(
                    f'{other.link.partition("#")[0]}socket', ssl=trusted,
                    protocols=(PROTOCOL, other.token), autoping=True,
                    origin=f'https://127.0.0.2:{other.port}') as ws:
                assert (await hears(ws, 'hello'))['task'] == 'clutter'
            with pytest.raises(aiohttp.ClientError):
                await session.get(f'http://127.0.0.2:{other.port}/')
    try:
        assert other.link.startswith(f'https://127.0.0.2:{other.port}/#')
        asyncio.run(look())
    finally:
        other.close()
