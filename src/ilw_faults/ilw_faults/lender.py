"""Lend running nodes to one fault after the other: most leave them as they were."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ilw_bringup.start.private_domain import private_domain
from ilw_core.errors import IlwError
from ilw_faults.loop import Loop
from ilw_faults.row import Fault, Seen


class Lender:
    """
    Injects faults, each into nodes that are as they begin; a context manager.

    Nodes that a fault leaves whole go on to the next of the same ``nodes``, with a new hand and
    new eyes on them. They end where a row was not as expected, and where they do not come back to
    how they begin. Every start has a ROS domain of its own: a robot that runs in the caller's is
    left alone.

    :param folder: receives logs and episodes, a folder per start and in it one per further row.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = 0
        self._loop: Loop | None = None
        self._nodes: dict[str, Any] = {}
        self._running = ExitStack()

    def __enter__(self) -> 'Lender':
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def inject(self, fault: Fault) -> Seen:
        """Inject a fault and return what was seen; raises what its ``inject`` does."""
        self._rows += 1
        if fault.nodes is None:
            self.end()
            with private_domain():
                return fault.inject(self._place(self._folder))
        loop = self._lent(dict(fault.nodes))
        whole = False
        try:
            seen = fault.inject(loop)
            whole = seen.ok
        finally:
            loop.part()
            if not whole:
                self.end()
        return seen

    def end(self) -> None:
        """End the nodes that run, if any do."""
        self._loop = None
        self._running.close()

    def _lent(self, nodes: dict[str, Any]) -> Loop:
        if self._loop is not None and (nodes != self._nodes or not self._renewed(self._loop)):
            self.end()
        if self._loop is None:
            self._running.enter_context(private_domain())
            self._nodes = nodes
            loop = Loop(self._place(self._folder), **nodes)
            self._running.callback(loop.fleet.stop)
            self._loop = loop.__enter__()
        return self._loop

    def _renewed(self, loop: Loop) -> bool:
        loop.place = self._place(loop.folder)
        loop.meet()
        try:
            loop.renew()
        except IlwError:
            loop.part()
            return False
        return True

    def _place(self, folder: Path) -> Path:
        place = folder / f'{self._rows:02d}'
        place.mkdir(parents=True)
        return place
