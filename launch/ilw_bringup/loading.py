"""Have the policy node load a checkpoint: one at a time, so a request may have to wait."""

from collections.abc import Callable
import time
from typing import Any

from ilw_msgs.srv import LoadPolicy

_BUSY_S = 40.0
"""A graph has 30 s to pass its trial"""


def load(call: Callable[..., Any], checkpoint: str, seed: int = 0) -> Any:
    """
    Return the answer of ``policy/load``, asked again while the node loads another.

    :param call: as ``Session.call``.
    """
    deadline = time.monotonic() + _BUSY_S
    request = LoadPolicy.Request(checkpoint=checkpoint, seed=seed)
    while True:
        answer = call(LoadPolicy, 'policy/load', request, _BUSY_S, again=True)
        if answer.error_code != answer.ERROR_BUSY or time.monotonic() > deadline:
            return answer
        time.sleep(0.2)
