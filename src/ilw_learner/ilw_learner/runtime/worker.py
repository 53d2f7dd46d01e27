"""Think in a thread of its own, so that messages keep flowing in, and chunks beside that."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
import threading
import time

import numpy as np

from ilw_core.align import Observation
from ilw_learner.runtime.chunk_executor import Begun
from ilw_learner.runtime.runner import PolicyRunner

_PATIENCE_PERIODS = 0.5
"""An answer is waited for so long at its own tick; see ``ChunkExecutor.delay``"""


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
    begin_ns: int
    """Tick of the first action, and of the observation that they follow from"""
    left: int = 1
    """Actions that are left from the tick of ``seen`` on"""
    inference_s: float = 0.0
    """How long the newest chunk was computed; 0 where that is the latency"""


@dataclass(frozen=True)
class _Answer:
    """What an inference gave."""

    actions: np.ndarray | None
    reason: str
    seconds: float


@dataclass(frozen=True)
class _Inference:
    """A chunk that is computed beside the ticks."""

    runner: PolicyRunner
    begun: Begun
    answer: 'Future[_Answer]'


Done = Callable[[Thought], None]


class Worker:
    """
    Runs a policy on observations as they come; of several waiting, acts on the newest only.

    A policy that gives chunks computes the next in a second thread, while what is left of the last
    is driven. An answer is waited for at its own tick for half a period, unless the last one took
    longer; with nothing to drive, as long as it takes.

    :param on_done: called in the thread, after each action or refusal.
    """

    def __init__(self, runner: PolicyRunner, on_done: Done) -> None:
        self._runner, self._on_done = runner, on_done
        self._waiting: deque[tuple[float, Observation, bool]] = deque()
        self._wake = threading.Condition()
        self._stopping = self._anew = False
        self._failed: Exception | None = None
        self.skipped = 0
        self._inference: _Inference | None = None
        self._slow, self._inference_s = False, 0.0
        self._beside = ThreadPoolExecutor(1, 'chunks')
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
            self._wake.notify_all()

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
        """End the threads; an action being computed is finished first."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join()
        self._beside.shutdown()

    def _work(self) -> None:
        try:
            self._think()
        except Exception as error:  # told by the next submit, to whoever can end the node
            self._failed = error

    def _think(self) -> None:
        newest: tuple[float, Observation, bool] | None = None
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._stopping or self._answered)
                if self._stopping:
                    return
                batch, runner = list(self._waiting), self._runner
                self._waiting.clear()
            for _, observation, first in batch:
                if first:
                    runner.reset()
                runner.observe(observation)
            if batch:
                unsaid = [] if newest is None else [newest]
                self.skipped += len(unsaid) + len(batch) - 1
                newest = (*batch[-1][:2], any(first for _, _, first in unsaid + batch))
            if newest is None:
                self._arrived(runner)
            elif runner.horizon == 1:
                actions, reason = runner.act()
                self._tell(newest, actions, reason, newest[1].tick_ns)
                newest = None
            elif self._drive(runner, newest[1].tick_ns, newest):
                newest = None  # said; what arrives before the next tick counts from there

    @property
    def _answered(self) -> bool:
        return self._inference is not None and self._inference.answer.done()

    def _drive(self, runner: PolicyRunner, tick_ns: int,
               newest: tuple[float, Observation, bool]) -> bool:
        """Say what is driven at a tick; returns whether there was anything to say."""
        chunks, reason = runner.chunks, self._arrived(runner)
        if not reason and self._inference is None and chunks.due(tick_ns):
            begun, reason = chunks.begin(tick_ns), runner.look()
            if reason:
                chunks.take(begun, None, 0.0)
            else:
                self._begin(runner, begun)
                if chunks.plan(tick_ns) is None or not self._slow:
                    self._wait(None if chunks.plan(tick_ns) is None else
                               _PATIENCE_PERIODS / runner.contract.rate_hz)
                    reason = self._arrived(runner)
        plan = chunks.plan(tick_ns)
        if plan is None and not reason:
            return False  # it is computed: said when it is there
        self._tell(newest, None if plan is None else plan.actions, reason,
                   tick_ns if plan is None else plan.begin_ns, len(chunks.left(tick_ns)))
        return True

    def _begin(self, runner: PolicyRunner, begun: Begun) -> None:
        """Compute a chunk of what ``look`` looked at, beside this thread."""
        answer = self._beside.submit(_infer, runner, begun)
        self._inference = _Inference(runner, begun, answer)
        answer.add_done_callback(self._on_answer)

    def _on_answer(self, answer: 'Future[_Answer]') -> None:
        with self._wake:
            self._wake.notify_all()

    def _wait(self, seconds: float | None) -> None:
        """Wait for the answer, until there is more to do."""
        with self._wake:
            self._wake.wait_for(lambda: self._answered or self._waiting or self._stopping, seconds)

    def _arrived(self, runner: PolicyRunner) -> str:
        """Join a chunk that is there to what this policy drives; return why there is none."""
        inference = self._inference
        if inference is None or not inference.answer.done():
            return ''
        self._inference, answer = None, inference.answer.result()
        inference.runner.chunks.take(inference.begun, answer.actions, answer.seconds)
        if inference.runner is not runner:
            return ''
        self._inference_s = answer.seconds
        self._slow = answer.seconds > _PATIENCE_PERIODS / runner.contract.rate_hz
        return answer.reason

    def _tell(self, newest: tuple[float, Observation, bool], actions: np.ndarray | None,
              reason: str, begin_ns: int, left: int = 1) -> None:
        begin, seen, first = newest
        latency_s = time.perf_counter() - begin
        self._on_done(Thought(seen, first, actions, reason, latency_s, begin_ns, left,
                              self._inference_s))


def _infer(runner: PolicyRunner, begun: Begun) -> _Answer:
    begin = time.perf_counter()
    if runner.slower_s:
        time.sleep(runner.slower_s)
    actions, reason = runner.think(begun.frozen)
    return _Answer(actions, reason, time.perf_counter() - begin)
