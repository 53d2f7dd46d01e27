"""Think in a thread of its own, so that messages keep flowing in. No ROS."""

from collections import deque
from collections.abc import Callable
import threading
import time

import numpy as np

from ilw_core.align import Observation
from ilw_learner.runtime import PolicyRunner

Done = Callable[[Observation, np.ndarray | None, str, float], None]
"""(newest observation, actions (Ta, Da) or None, why not, seconds it took)"""


class Worker:
    """
    Runs a policy on observations as they come; of several waiting, acts on the newest only.

    :param on_done: called in the thread, after each action or refusal.
    """

    def __init__(self, runner: PolicyRunner, on_done: Done) -> None:
        self._runner, self._on_done = runner, on_done
        self._waiting: deque[tuple[float, Observation, bool]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
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
        """
        with self._wake:
            self._waiting.append((time.perf_counter(), observation, first))
            self._wake.notify()

    def swap(self, runner: PolicyRunner) -> None:
        """Use another policy from the next tick on."""
        with self._wake:
            self._runner = runner

    def stop(self) -> None:
        """End the thread; an action being computed is finished first."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
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
            self._on_done(newest, actions, reason, time.perf_counter() - begin)
