"""Load what a request names: one checkpoint at a time, and any failure is an answer."""

from collections.abc import Awaitable, Callable, Mapping

from rclpy.node import Node

from ilw_core.errors import BusyError, CheckpointError, ContractError, IlwError, NotAllowedError
from ilw_core.text.answers import answer_of
from ilw_core.text.printable import printable
from ilw_learner.checkpoint.named import NamedCheckpoints
from ilw_msgs.action import RunPolicy
from ilw_msgs.srv import LoadPolicy
from ilw_ros.console import say

_LOAD, _RUN = LoadPolicy.Response, RunPolicy.Result
LOAD_CODES = {IlwError: _LOAD.ERROR_NOT_FOUND, ContractError: _LOAD.ERROR_CONTRACT,
              CheckpointError: _LOAD.ERROR_INVALID, NotAllowedError: _LOAD.ERROR_NOT_ALLOWED,
              BusyError: _LOAD.ERROR_BUSY}
RUN_CODES = {IlwError: _RUN.ERROR_NO_POLICY, ContractError: _RUN.ERROR_CONTRACT,
             NotAllowedError: _RUN.ERROR_NOT_ALLOWED, BusyError: _RUN.ERROR_BUSY}
Wanted = Callable[[], bool]
"""Tells whether what was read is still wanted"""


class Loads:
    """
    Turns names in requests into loaded checkpoints.

    :param named: what a request may name.
    :param load: loads a checkpoint and returns its hash, or raises.
    """

    def __init__(self, node: Node, named: NamedCheckpoints,
                 load: Callable[[str, int, Wanted], Awaitable[str]]) -> None:
        self._node, self._named, self._load = node, named, load
        self._loading = False

    async def load(self, name: str, seed: int, wanted: Wanted = lambda: True) -> str:
        """
        Load what a request names; return its hash.

        :param wanted: asked once it was read; if not, the policy that was there stays.
        :raises BusyError: another one is being loaded.
        :raises NotAllowedError: it is in none of the folders that may be named.
        :raises Exception: whatever was in the file.
        """
        if self._loading:
            raise BusyError('One checkpoint is loaded at a time. Ask again later.')
        self._loading = True
        try:
            return await self._load(self._named.find(name), seed, wanted)
        finally:
            self._loading = False

    def answer(self, error: Exception, asked: str,
               codes: Mapping[type[IlwError], int], other: int) -> tuple[int, str]:
        """Return what a stranger is told; all of it stays in this process's own output."""
        say(f'{self._node.get_name()}: refused a request: {printable(error)[:2000]}')
        return answer_of(type(error), asked, codes, other)
