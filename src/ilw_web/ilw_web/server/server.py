"""Serve the page and its socket on this machine, and keep the driver's lease."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
import json
import time
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from ilw_core.errors import IlwError
from ilw_teleop.joystick.fit import why_not
from ilw_teleop.joystick.layout import Joystick
from ilw_web.jobs.jobs import Jobs
from ilw_web.server.door import SILENT_S, Door
from ilw_web.server.gate import HEADERS, PROTOCOL, Gate
from ilw_web.server.pages import Page
from ilw_web.server.reach import Reach, check_port
from ilw_web.server.seat import Seat
from ilw_web.server.shelf import HEADERS as SHELF_HEADERS
from ilw_web.server.shelf import Shelf
from ilw_web.server.viewer import Viewer

MOST_VIEWERS = 16
MOST_BYTES = 4096
"""Of a message from a viewer"""
ALIVE_S = 4.0
"""A socket that answers no ping for half of it is closed"""
ESTOP = '{"t":"estop"}'
"""Looked at before anything else is, from whomever and however often"""
MOST_ASKING, MOST_STOPPING = 8, 4
"""Requests of one viewer at once"""
_CLOSE_FLOOD, _CLOSE_FULL, _CLOSE_NONSENSE = 1008, 1013, 1003


class RobotSide(Protocol):
    """What the page can do to a robot; called in the server's thread, waits for nothing."""

    def joy(self, axes: list[float], buttons: list[int]) -> None:
        """Publish a joystick message."""

    def call(self, name: str, values: Mapping[str, str]) -> Awaitable[tuple[bool, str]]:
        """Call a service; returns whether it did it, and what it says."""


Ask = Callable[[str, Mapping[str, str]], Awaitable[Any]]
"""Looks something up for anybody; raises ``KeyError`` for what it does not know"""


class CockpitServer:
    """
    The server of one page.

    :param hello: what every viewer is told first.
    :param joystick: the layout that the page speaks.
    """

    def __init__(self, reach: Reach, token: str, robot: RobotSide, joystick: Joystick,
                 page: Page, ask: Ask, jobs: Jobs, shelf: Shelf,
                 hello: Mapping[str, Any]) -> None:
        self._reach, self._gate = reach, Gate(reach, token)
        self._robot, self._joystick = robot, joystick
        self._page, self._ask, self._hello = page, ask, dict(hello)
        self._jobs, self._shelf = jobs, shelf
        self._seat, self._drives, self._next = Seat(), False, 0
        self._viewers: dict[int, Viewer] = {}
        self._texts: dict[str, str] = {}
        self._frames: dict[str, bytes] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watching = False

    @property
    def watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._viewers)

    async def run(self, ready: Callable[[], None], end: asyncio.Event) -> None:
        """
        Serve until ``end``.

        :raises IlwError: the port is taken.
        """
        app = web.Application(middlewares=[self._guard], client_max_size=MOST_BYTES)
        app.router.add_get('/socket', self._on_socket)
        app.router.add_get('/left/{key}/{name:.+}', self._on_left)
        app.router.add_get('/{name:[a-z.]*}', self._on_page)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=15.0,
                               max_line_size=4096, max_field_size=4096)
        await runner.setup()
        assert runner.server is not None
        self._door = Door(runner.server)
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                self._door.admit, self._reach.listen, self._reach.port, ssl=self._reach.tls,
                ssl_handshake_timeout=SILENT_S if self._reach.tls else None)
        except OSError:
            await runner.cleanup()
            check_port(self._reach.port, self._reach.listen)
            raise
        self._jobs.begin(lambda text: self.tell({'jobs': text}, {}))
        ready()
        while not end.is_set():
            self._door.sweep()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await end.wait()
        self._release()
        await self._jobs.close()
        server.close()
        for viewer in list(self._viewers.values()):
            await viewer.close(1001, 'the cockpit ends')
        await runner.cleanup()

    def tell(self, texts: dict[str, str], frames: dict[str, bytes]) -> None:
        """Pass what is new to every viewer, and to those who come later; in the loop's thread."""
        self._texts |= texts
        self._frames |= frames
        for viewer in self._viewers.values():
            viewer.tell(texts, frames)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        why = self._gate.why_not_page(request.headers)
        if not self._door.heard(request.protocol):
            why = 'Too many connections.'
        if why:
            return web.Response(status=403, text=why, headers=HEADERS)
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.reason)
        if not response.prepared:
            response.headers.update({**HEADERS, **response.headers})
        return response

    async def _on_page(self, request: web.Request) -> web.StreamResponse:
        found = self._page.get(request.match_info['name'])
        if found is None:
            raise web.HTTPNotFound
        packed = 'gzip' in request.headers.get('Accept-Encoding', '')
        headers = {'Content-Type': found.kind, 'Vary': 'Accept-Encoding'}
        if packed:
            headers['Content-Encoding'] = 'gzip'
        return web.Response(body=found.packed if packed else found.plain, headers=headers)

    async def _on_left(self, request: web.Request) -> web.StreamResponse:
        found = await asyncio.to_thread(self._shelf.read, request.match_info['key'],
                                        request.match_info['name'])
        if found is None:
            raise web.HTTPNotFound
        kind, content = found
        return web.Response(body=content, headers={**SHELF_HEADERS, 'Content-Type': kind})

    async def _on_socket(self, request: web.Request) -> web.StreamResponse:
        if why := self._gate.why_not_socket(request.headers):
            return web.Response(status=403, text=why)
        web_socket = web.WebSocketResponse(
            protocols=[PROTOCOL], heartbeat=ALIVE_S, compress=False, max_msg_size=MOST_BYTES,
            timeout=0.5)
        await web_socket.prepare(request)
        self._next += 1
        assert isinstance(request.transport, asyncio.Transport)
        viewer = Viewer(self._next, web_socket, request.transport)
        if len(self._viewers) >= MOST_VIEWERS:
            await viewer.close(_CLOSE_FULL, f'{MOST_VIEWERS} viewers are there already')
            return web_socket
        self._viewers[viewer.number] = viewer
        viewer.answer(json.dumps({'t': 'hello', 'you': viewer.number, **self._hello}))
        viewer.tell(self._texts, self._frames)
        self._tell_seat()
        writing = asyncio.create_task(viewer.write())
        try:
            await self._read(viewer)
        finally:
            del self._viewers[viewer.number]
            if self._seat.leave(viewer.number):
                self._release()
            self._tell_seat()
            writing.cancel()
        return web_socket

    async def _read(self, viewer: Viewer) -> None:
        async for message in viewer.socket:
            if message.type is not WSMsgType.TEXT:
                break  # a bad frame, or one too large; aiohttp has closed it
            if message.data == ESTOP:
                if viewer.stopping < MOST_STOPPING:  # else so many of them are on their way
                    self._serve(viewer, 'estop', None, {})
                continue
            if not viewer.budget.take(time.monotonic_ns()):
                if viewer.budget.spent:
                    await viewer.close(_CLOSE_FLOOD, 'too many messages')
                    break
                continue
            try:
                self._on_message(viewer, json.loads(message.data))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                await viewer.close(_CLOSE_NONSENSE, 'this is no message of the page')
                break

    def _on_message(self, viewer: Viewer, said: Mapping[str, Any]) -> None:
        """
        Do what a viewer says.

        :raises ValueError: it says nothing that the page says; other errors of looking it up, too.
        """
        kind, now, who = said['t'], time.monotonic_ns(), viewer.number
        if kind == 'joy':
            axes, buttons = [float(each) for each in said['a']], [int(each) for each in said['b']]
            if why := why_not(self._joystick, axes, buttons):
                raise ValueError(why)
            if self._seat.renew(who, now):
                self._drives = True
                self._robot.joy(axes, buttons)
        elif kind == 'drive':
            self._expire()
            if self._seat.take(who, now):
                self._watch()
            self._tell_seat()
        elif kind == 'leave':
            if self._seat.leave(who):
                self._release()
                self._tell_seat()
        elif kind in ('call', 'ask', 'do'):
            values = {str(key): str(value) for key, value in said.get('with', {}).items()}
            self._serve(viewer, str(said['name']), int(said['id']), values, kind)
        else:
            raise ValueError(kind)

    def _watch(self) -> None:
        """Look again when the lease ends, unless the driver was heard by then."""
        if not self._watching and self._seat.driver is not None:
            self._watching = True
            wait_s = max(0.0, (self._seat.until_ns - time.monotonic_ns()) / 1e9)
            asyncio.get_running_loop().call_later(wait_s + 1e-4, self._on_watch)

    def _on_watch(self) -> None:
        self._watching = False
        self._expire()
        self._watch()

    def _expire(self) -> None:
        if self._seat.expired(time.monotonic_ns()):
            assert self._seat.driver is not None
            self._seat.leave(self._seat.driver)
            self._release()
            self._tell_seat()

    def _release(self) -> None:
        """Let go of the stick, and unplug it: what comes then has to be seen at rest first."""
        if self._drives:
            self._drives = False
            self._robot.joy(*self._joystick.at_rest())
            self._robot.joy([], [])

    def _tell_seat(self) -> None:
        self.tell({'seat': json.dumps({'t': 'seat', 'driver': self._seat.driver,
                                       'viewers': len(self._viewers)})}, {})

    def _serve(self, viewer: Viewer, name: str, number: int | None, values: Mapping[str, str],
               kind: str = 'call') -> None:
        """Begin to answer a request; a viewer that has too many is told so at once."""
        stop = name == 'estop' and kind == 'call'
        why = ''
        if not stop and viewer.asking >= MOST_ASKING:
            why = 'Too many requests at once. Wait for the answers.'
        elif not stop and kind == 'call' and self._seat.driver not in (None, viewer.number):
            why = "Somebody else drives. Only the emergency stop is everybody's."
        if why:
            viewer.answer(_answer(number, name, False, why))
            return
        viewer.stopping += stop
        viewer.asking += not stop
        task = asyncio.create_task(self._answer(viewer, name, number, values, kind, stop=stop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, viewer: Viewer, name: str, number: int | None,
                      values: Mapping[str, str], kind: str, *, stop: bool) -> None:
        ok, text, data = False, '', None
        try:
            if kind == 'ask':
                ok, data = True, (self._jobs.show(values) if name == 'job' else
                                  await self._ask(name, values))
            elif kind == 'do':
                ok, data = True, self._do(viewer, name, values)
            else:
                ok, text = await self._robot.call(name, values)
        except KeyError:
            text = f'There is no request {name!r}.'
        except IlwError as error:
            text = str(error)
        finally:
            viewer.stopping -= stop
            viewer.asking -= not stop
        viewer.answer(_answer(number, name, ok, text, data))

    def _do(self, viewer: Viewer, name: str, values: Mapping[str, str]) -> int | None:
        """Start or cancel a job; what drives the robot is for whoever has the wheel."""
        self._expire()
        leases = self._seat.driver == viewer.number
        if name == 'cancel':
            self._jobs.cancel(values, leases=leases)
            return None
        return self._jobs.start(name, values, leases=leases)


def _answer(number: int | None, name: str, ok: bool, text: str, data: Any = None) -> str:
    return json.dumps({'t': 'answer', 'id': number, 'name': name, 'ok': ok, 'text': text,
                       'data': data})
