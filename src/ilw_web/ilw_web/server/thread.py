"""The server in a thread of its own, beside a node that spins."""

import asyncio
from collections.abc import Callable
import threading

from ilw_web.server.server import CockpitServer


class ServerThread:
    """
    Runs a server until it is closed.

    :raises IlwError: it could not begin.
    """

    def __init__(self, make: Callable[[], CockpitServer]) -> None:
        self.server = make()
        self.loop = asyncio.new_event_loop()
        self._end: asyncio.Event | None = None
        self._ready, self._failure = threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._run, name='cockpit server', daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure[0]

    def tell(self, texts: dict[str, str], frames: dict[str, bytes]) -> None:
        """Pass what is new to every viewer; from any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.server.tell, texts, frames)

    def close(self) -> None:
        """Release the stick and end."""
        if self._end is not None and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._end.set)
            self._thread.join(2.5)

    def _run(self) -> None:
        try:
            self.loop.run_until_complete(self._serve())
        except BaseException as error:
            self._failure.append(error)
        finally:
            self._ready.set()
            self.loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        await self.server.run(self._ready.set, self._end)
