"""Connections that say nothing are shown out, so that they keep nobody from coming in."""

import asyncio
from collections.abc import Callable
import time
from typing import Any

MOST = 64
"""Connections at once, before they ask for anything or as sockets"""
SILENT_S = 3.0
"""So long a connection may take until it asks for something"""


class Door:
    """
    Makes protocols for a server's connections and drops those that stay silent.

    :param make: makes aiohttp's protocol of one connection.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._silent: dict[Any, float] = {}
        self._spoke: set[Any] = set()

    def admit(self) -> asyncio.Protocol:
        """Return the protocol of a connection; where there are too many, the oldest goes."""
        self._forget_closed()
        while len(self._silent) + len(self._spoke) >= MOST and self._silent:
            self._drop(next(iter(self._silent)))
        protocol = self._make()
        self._silent[protocol] = time.monotonic()
        return protocol  # type: ignore[no-any-return]

    def heard(self, protocol: Any) -> bool:
        """Note that a connection asked for something; tell whether there is room for it."""
        self._silent.pop(protocol, None)
        self._spoke.add(protocol)
        return len(self._spoke) <= MOST

    def sweep(self) -> None:
        """Drop what has been silent for too long; called now and then."""
        self._forget_closed()
        late = time.monotonic() - SILENT_S
        for protocol in [each for each, since in self._silent.items() if since < late]:
            self._drop(protocol)

    def _drop(self, protocol: Any) -> None:
        self._silent.pop(protocol, None)
        # Later: of one admitted just now asyncio has not made the connection known yet.
        asyncio.get_running_loop().call_soon(_abort, protocol)

    def _forget_closed(self) -> None:
        """A protocol has no transport before its connection is made and after it is lost."""
        young = time.monotonic() - 0.5
        self._spoke = {each for each in self._spoke if each.transport is not None}
        self._silent = {each: since for each, since in self._silent.items()
                        if each.transport is not None or since > young}


def _abort(protocol: Any) -> None:
    if protocol.transport is not None:
        protocol.transport.abort()
