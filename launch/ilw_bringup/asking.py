"""Ask a node: call a service, and send the request again while no answer comes."""

from collections.abc import Callable
import time
from typing import Any

_AGAIN_S = 3.0

Wait = Callable[[Callable[[], Any], float, str], None]
"""Waits until something is so, for so many seconds at most; raises with what was waited for"""


def call(node: Any, kind: Any, name: str, request: Any, wait: Wait, timeout_s: float, *,
         again: bool = False) -> Any:
    """
    Call a service and return its response.

    :param node: of rclpy; ``wait`` spins it, or somebody else does.
    :param timeout_s: for the service to be there, and for its answer after that.
    :param again: ask again now and then; for requests that do no harm twice.
    :raises IlwError: what ``wait`` raises when the service is not there, or gives no answer.
    """
    client = node.create_client(kind, name)
    asking = Asking(lambda: client.call_async(request), again=again)
    try:
        wait(client.service_is_ready, timeout_s, f'the service {name}')
        wait(asking.answered, timeout_s, f'an answer of {name}')
        return asking.answer()
    finally:
        node.destroy_client(client)


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
