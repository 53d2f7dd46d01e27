"""Think in a thread of its own, so that messages keep flowing in."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import threading
import time

import numpy as np

from ilw_core.align import Observation
from ilw_learner.runtime.runner import PolicyRunner


@dataclass(frozen=True)
class Thought:
    """What came of one observation."""

    seen: Observation
    first: bool
    """It began a new episode"""
    actions: np.ndarray | None
    """(Ta, Da) in contract units"""
    reason: str
    """Why there is no action; empty when there is"""
    latency_s: float
    """From the complete observation to now"""


Done = Callable[[Thought], None]


class Worker:
    """
    Runs a policy on observations as they come; of several waiting, acts on the newest only.

    :param on_done: called in the thread, after each action or refusal.
    """

    def __init__(self, runner: PolicyRunner, on_done: Done) -> None:
        self._runner, self._on_done = runner, on_done
        self._waiting: deque[tuple[float, Observation, bool]] = deque()
        self._wake = threading.Condition()
        self._stopping = self._anew = False
        self._failed: Exception | None = None
        self.skipped = 0
        self._thread = threading.Thread(target=self._work, name='inference', daemon=True)
        self._thread.start()

    @property
    def runner(self) -> PolicyRunner:
        """The policy in use."""
        return self._runner

    def submit(self, observation: Observation, *, first: bool) -> None:
        """
        Hand over the observation of a tick.

        :param first: it begins a new episode, so the policy forgets the past.
        :raises RuntimeError: the thread has ended: nobody would ever answer.
        """
        if self._failed is not None:
            raise RuntimeError('The thread that thinks has ended.') from self._failed
        with self._wake:
            self._waiting.append((time.perf_counter(), observation, first or self._anew))
            self._anew = False
            self._wake.notify()

    def swap(self, runner: PolicyRunner, *, anew: bool = False) -> None:
        """
        Use another policy from the next tick on.

        :param anew: an episode begins with it: what waits is left, and it has seen nothing; else
            it knows what the last one had seen.
        """
        with self._wake:
            self._anew = anew
            if anew:
                self._waiting.clear()
            else:
                runner.remember(self._runner)
            self._runner = runner

    def stop(self) -> None:
        """End the thread; an action being computed is finished first."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._think()
        except Exception as error:  # told by the next submit, to whoever can end the node
            self._failed = error

    def _think(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return
                batch, runner = list(self._waiting), self._runner
                self._waiting.clear()
            for _, observation, first in batch:
                if first:
                    runner.reset()
                runner.observe(observation)
            self.skipped += len(batch) - 1
            actions, reason = runner.act()
            begin, newest, _ = batch[-1]
            self._on_done(Thought(newest, any(first for _, _, first in batch), actions, reason,
                                  time.perf_counter() - begin))
