"""The one training loop: rounds, candidates, best by score, log, cancel, resume."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import math
import os
from pathlib import Path
import time
from typing import ClassVar

from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors
import torch
from torch import Tensor

from ilw_core.errors import CheckpointError, IlwError, NotFiniteError
from ilw_core.storage.files import read_bytes, write_file
from ilw_learner.training.progress import CancelledError, Progress
from ilw_learner.training.tracking import Tracker

RESUME = 'resume.safetensors'
_FORMAT = 3
"""Of that file: another order of the same numbers is another format"""
_LOG_EVERY_S = 1.0
_MAX_RESUME_BYTES = 2_000_000_000


@dataclass(frozen=True)
class CandidateScore:
    """How good the policy is at one point of its training."""

    rank: tuple[float, float]
    """The better, the greater; of equal ones the later is kept"""
    metrics: dict[str, float]
    """As tracked, ``eval/...``"""
    success_ratio: float = math.nan
    """NaN where nobody drove, or nothing tells success"""


class Learner(ABC):
    """What an algorithm does between two looks of the loop."""

    planned: int
    """Units of work in all: updates, or steps of robots"""
    log_every: ClassVar[int] = 0
    """Numbers are logged every so many units; 0: once a second"""
    work: str
    """What the result follows from (values, data, seed, code): a run goes on with the same only"""

    @property
    @abstractmethod
    def done(self) -> int:
        """Units of work done."""

    @property
    def updates(self) -> int:
        """Gradient steps done: the units of work, where those are not steps of robots."""
        return self.done

    def begin(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what comes before the first round; not called where a run is resumed."""

    @abstractmethod
    def advance(self) -> None:
        """Do one round; does not wait for the device."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """
        Return what to log, ``train/...``, the loss first.

        :raises NotFiniteError: the loss, weights or data are NaN or infinite.
        """

    @abstractmethod
    def judge(self) -> CandidateScore:
        """Score the policy as it is now; :raises NotFiniteError: it cannot be."""

    @abstractmethod
    def keep(self) -> None:
        """Remember the policy that was judged last: it is the best so far."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return what it takes to go on from here, what was kept included."""

    @abstractmethod
    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""


class TrainingLoop:
    """
    Trains one learner, in a folder.

    :param folder: ``runs/<id>/``; receives TensorBoard events, ``metrics.jsonl`` and what it
        takes to go on after an interruption.
    :param candidates: times along the way that the policy is judged.
    :param track: name in ``tracking.TRACKERS``.
    :param on_progress: called whenever numbers are logged; returning ``False`` cancels.
    """

    def __init__(self, learner: Learner, folder: Path, *, candidates: int,
                 track: str = 'tensorboard',
                 on_progress: Callable[[Progress], bool] = lambda p: True) -> None:
        self.learner, self._folder, self._track = learner, folder, track
        self._on_progress = on_progress
        self._marks = sorted({math.ceil(learner.planned * (i + 1) / candidates)
                              for i in range(candidates)})
        self.best: CandidateScore | None = None
        self.train_s = 0.0
        """Seconds of this run, scoring included"""
        self._newest, self._evaluations, self._begun = math.nan, 0, False

    def fit(self) -> CandidateScore:
        """
        Train to the end; what is best is kept by the learner.

        :raises CancelledError: ``on_progress`` said so.
        :raises NotFiniteError: numbers are NaN or infinite; ``best`` is what was kept until then.
        """
        learner, begin_s = self.learner, time.monotonic()
        marks = [mark for mark in self._marks if mark > learner.done]
        with Tracker(self._folder, self._track) as tracker:
            try:
                if not self._begun:
                    learner.begin()
                logged_s = time.monotonic()
                while learner.done < learner.planned:
                    learner.advance()
                    due = [mark for mark in marks if mark <= learner.done]
                    if not due and not self._log_due(logged_s):
                        continue
                    figures = learner.figures()
                    if due:
                        del marks[:len(due)]
                        self._judge(tracker)
                    logged_s = time.monotonic()
                    self._log(tracker, figures)
            finally:
                self.train_s = time.monotonic() - begin_s
        assert self.best is not None
        return self.best

    def _log_due(self, logged_s: float) -> bool:
        every = self.learner.log_every
        if every:
            return self.learner.done % every == 0
        return time.monotonic() - logged_s >= _LOG_EVERY_S

    def _log(self, tracker: Tracker, figures: dict[str, float]) -> None:
        learner = self.learner
        tracker.write(learner.done, figures, update=learner.updates)
        loss = next(iter(figures.values()))
        if not self._on_progress(Progress(learner.done, learner.planned, loss, self._newest,
                                          self._evaluations)):
            raise CancelledError

    def _judge(self, tracker: Tracker) -> None:
        learner, begin = self.learner, time.monotonic()
        score = learner.judge()
        if self.best is None or score.rank >= self.best.rank:
            self.best = score
            learner.keep()
        self._newest, self._evaluations = score.success_ratio, self._evaluations + 1
        self._save()
        tracker.leave_out(time.monotonic() - begin)
        tracker.write(learner.done, score.metrics, update=learner.updates)

    def _save(self) -> None:
        """Write down what it takes to go on after an interruption."""
        assert self.best is not None
        numbers = torch.tensor([*self.best.rank, self.best.success_ratio, self._newest,
                                self._evaluations], dtype=torch.float64)
        state = {name: tensor.contiguous() for name, tensor in self.learner.state().items()}
        write_file(self._folder / RESUME, to_safetensors(
            {'of': self._fingerprint(), 'loop': numbers, **state}))

    def _fingerprint(self) -> Tensor:
        digest = hashlib.sha256(f'{_FORMAT} {self.learner.work}'.encode()).digest()
        return torch.tensor(list(digest), dtype=torch.uint8)

    def resume(self, say: Callable[[str], None] = lambda text: None) -> bool:
        """
        Go on from where the same run stopped in this folder; false when there is none.

        What another run left there is set aside, never overwritten.

        :param say: told what happens.
        """
        path = self._folder / RESUME
        if not os.path.lexists(path):
            return False
        try:
            state = from_safetensors(read_bytes(path, _MAX_RESUME_BYTES))
            of = state.pop('of', None)
            if of is None or not torch.equal(of, self._fingerprint()):
                return self._set_aside(path, say,
                                       'is of another training (values, data, seed, code)')
            *rank, success, newest, evaluations = state.pop('loop').tolist()
            self.learner.load(state)
        except CheckpointError:
            return self._set_aside(path, say, 'has lost its checkpoint')
        except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise IlwError(f'{path} cannot be gone on from ({error}). Remove it to begin '
                           f'anew.') from error
        self.best = CandidateScore((rank[0], rank[1]), {}, success)
        self._newest, self._evaluations, self._begun = newest, int(evaluations), True
        say(f'goes on from {self.learner.done} of {self.learner.planned}')
        return True

    def _set_aside(self, path: Path, say: Callable[[str], None], why: str) -> bool:
        aside = path.with_name(f'of_another_run.{path.name}')
        os.replace(path, aside)
        say(f'{path} {why}: kept as {aside.name}. This training begins anew.')
        return False


def best_until(loop: TrainingLoop) -> tuple[CandidateScore, NotFiniteError | None]:
    """
    Train; where numbers stop being finite, return what was best until then, and the fault.

    :raises NotFiniteError: there was no candidate yet.
    """
    try:
        return loop.fit(), None
    except NotFiniteError as error:
        if loop.best is None:
            raise
        return loop.best, error
