"""A request to a node that may have to be sent more than once."""

from collections.abc import Callable
import time
from typing import Any

_AGAIN_S = 3.0


class Asking:
    """
    Send a request, and again now and then until it is answered.

    On a busy machine a node may send its first answer before DDS has met the one who asked, and
    it is lost then.

    :param send: sends the request; returns a future of the answer.
    :param again: false for requests that would do harm twice.
    """

    def __init__(self, send: Callable[[], Any], *, again: bool = True) -> None:
        self._send, self._again = send, again
        self._futures: list[Any] = []
        self._sent_s = 0.0

    def answered(self) -> bool:
        """Tell whether an answer has come; sends the request when it is time to."""
        late = self._again and time.monotonic() - self._sent_s > _AGAIN_S
        if not self._futures or late:
            self._futures.append(self._send())
            self._sent_s = time.monotonic()
        return any(future.done() for future in self._futures)

    def answer(self) -> Any:
        """Return the answer that came first."""
        return next(future.result() for future in self._futures if future.done())
