"""One viewer's socket: what it is told, newest first and never more than it takes."""

import asyncio
from collections import deque
from contextlib import suppress

from aiohttp import web

from ilw_web.server.budget import MessageBudget

PERIOD_S = 1 / 30
"""Between two frames to one viewer"""
SLOW_S = 3.0
"""A viewer that takes nothing for so long is dropped"""
MOST_ANSWERS = 64


class Viewer:
    """
    A browser that looks on, or drives.

    :param number: by which it is known.
    """

    def __init__(self, number: int, socket: web.WebSocketResponse,
                 transport: asyncio.Transport) -> None:
        self.number, self.socket = number, socket
        self.budget = MessageBudget()
        self.asking = 0
        """Requests of it that are not answered yet"""
        self.stopping = 0
        """Emergency stops of it, likewise"""
        self._transport = transport
        self._texts: dict[str, str] = {}
        self._frames: dict[str, bytes] = {}
        self._answers: deque[str] = deque(maxlen=MOST_ANSWERS)
        self._ready = asyncio.Event()

    def tell(self, texts: dict[str, str], frames: dict[str, bytes]) -> None:
        """Note what is new; of each kind only the newest is kept until it is sent."""
        self._texts |= texts
        self._frames |= frames
        self._ready.set()

    def answer(self, text: str) -> None:
        """Note what is to be sent whatever follows."""
        self._answers.append(text)
        self._ready.set()

    async def write(self) -> None:
        """Send what is new until the socket closes."""
        while not self.socket.closed:
            await self._ready.wait()
            self._ready.clear()
            texts, self._texts = [*self._answers, *self._texts.values()], {}
            frames, self._frames = self._frames, {}
            self._answers.clear()
            try:
                async with asyncio.timeout(SLOW_S):
                    if texts:
                        await self.socket.send_str(f'[{",".join(texts)}]')
                    for frame in frames.values():
                        await self.socket.send_bytes(frame)
            except (TimeoutError, ConnectionError):
                self._transport.abort()  # a farewell would wait behind what it does not take
                return
            await asyncio.sleep(PERIOD_S)

    async def close(self, code: int, why: str) -> None:
        """End it; a viewer that does not answer is dropped."""
        with suppress(Exception):
            async with asyncio.timeout(0.5):
                await self.socket.close(code=code, message=why.encode()[:120])
        self._transport.abort()
