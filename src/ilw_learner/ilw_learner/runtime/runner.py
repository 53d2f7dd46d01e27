"""
Run a policy: a checkpoint, or one of the baselines, plus the memory it needs. No torch, no ROS.

ONNX Runtime with one thread: at this size more threads cost time.
"""

from collections import deque
from collections.abc import Callable, Mapping
import copy
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Protocol

import numpy as np

from ilw_core.align import Observation
from ilw_core.contract.family import why_not_one_family
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import ContractError, GraphError, UntrustedError
from ilw_learner.checkpoint.folder import GRAPH, Checkpoint, load_checkpoint
from ilw_learner.checkpoint.graph_trial import image_shapes, try_graph
from ilw_learner.checkpoint.signing import TrustedKeys
from ilw_learner.runtime.chunk_executor import Begun, ChunkExecutor, Execution
from ilw_learner.runtime.graph import Graph

BASELINES = ('idle', 'random')


_NOTHING = np.empty((0, 0))


@dataclass(frozen=True)
class _Answer:
    """A chunk that counts from some tick on."""

    begun: Begun
    actions: np.ndarray | None
    ready_ns: int


class _Brain(Protocol):
    """Maps ``(1, To, Do)`` observations, and images, to ``(Ta, Da)`` actions."""

    def __call__(self, window: np.ndarray, images: Mapping[str, np.ndarray]) -> np.ndarray: ...


class ActGate(Protocol):
    """What a policy asks each time before it acts: see ``asking``."""

    def begin(self) -> None:
        """A new episode begins."""

    def look(self, seen: np.ndarray, images: Mapping[str, np.ndarray],
             actions: np.ndarray) -> str:
        """
        Return why it is not to do what it would; empty: it may.

        :param seen: (1, To, Do), and ``images``, both used again for the next: copy what is kept.
        :param actions: (Ta, Da) what it would do.
        """


class PolicyRunner:
    """
    Turns observations into action chunks.

    :param checkpoint: a checkpoint folder, ``idle`` (the stop action) or ``random`` (any action).
    :param trusted: one of these keys must have signed the checkpoint; ``None`` takes it unsigned.
    :param own: this process made it a moment ago, so its graph needs no trial.
    :param task: which of the checkpoint's tasks it does, where it learned several under contracts
        of one family; empty: the one whose contract is in use.
    :param slower_s: each answer takes so much longer, to try what a slower computer would do.
    :param gate: asked each time before it acts; ``None``: it always acts.
    :raises IlwError: it is not a checkpoint, was made for another contract, is not signed so, or
        its graph failed in ``graph_trial.py``.
    """

    def __init__(self, checkpoint: str | Path, contract: Contract, *, seed: int = 0,
                 trusted: TrustedKeys | None = None, own: bool = False, task: str = '',
                 slower_s: float = 0.0, gate: ActGate | None = None) -> None:
        self.contract, self._gate = contract, gate
        self.name = str(checkpoint)
        self._rng, self.slower_s = np.random.default_rng(seed), slower_s
        self._found: Checkpoint | None = None  # of a baseline
        if self.name == 'random' and trusted is not None:
            raise UntrustedError(f'What drives must be signed by a key in {trusted.folder}. '
                                  f'random is signed by nobody. Name a signed checkpoint, or '
                                  f'idle, which only stops.')
        if self.name in BASELINES:
            self.history, self.horizon, self._execution = 1, 1, Execution()
            self._freeze: Callable[[np.ndarray], None] = lambda actions: None
            self._brain: _Brain = self._idle if self.name == 'idle' else self._random
        else:
            found = load_checkpoint(Path(checkpoint), None if task else contract, trusted)
            self._found = _for_task(found, contract, task)
            self.name, self.history, self.horizon = found.hash, found.history, found.horizon
            self._execution = found.execution
            graph = graph_of(self._found, own=own)
            self._brain, self._freeze = graph, graph.freeze
        self._forget()

    def _forget(self) -> None:
        """Begin with nothing seen, for the task of ``_found``."""
        contract, found = self.contract, self._found
        self._window: deque[Observation] = deque(maxlen=self.history)
        self.chunks = ChunkExecutor(self._execution, contract.period_ns)
        self._ticks, self._arriving = 0, list[_Answer]()
        told = () if found is None else found.told
        self._input = np.zeros((1, self.history, contract.obs_dim + len(told)), dtype=np.float32)
        self._input[..., contract.obs_dim:] = told
        self._seen = self._input[..., :contract.obs_dim]
        self._needed = np.array([name not in contract.hidden for name in contract.entry_names],
                                dtype=bool)
        self._images = {name: np.zeros(shape, dtype=np.uint8)
                        for name, shape in image_shapes(contract, self.history).items()}

    @property
    def task(self) -> Contract:
        """The contract of the task that it does."""
        return self.contract if self._found is None else self._found.contract

    def doing(self, task: str) -> 'PolicyRunner':
        """
        Return the policy for another of its tasks, with nothing seen; no file is read again.

        :param task: its name; empty: the one whose contract is in use.
        :raises ContractError: it is none that the policy learned, or of another family.
        """
        made = copy.copy(self)
        if self._found is not None:
            made._found = _for_task(self._found if task else self._found.under(self.contract),
                                    self.contract, task)
        elif task:
            raise ContractError(f'{self.name} has learned no task. Got {shown(task)}.')
        made._forget()
        return made

    def reset(self) -> None:
        """Forget the past, as at the start of an episode."""
        self._window.clear()
        self.chunks.reset()
        self._arriving.clear()
        if self._gate is not None:
            self._gate.begin()

    def observe(self, observation: Observation) -> None:
        """Take in the observation of a tick."""
        self._window.append(observation)
        self._ticks += 1

    def remember(self, other: 'PolicyRunner') -> None:
        """Take over what another policy of the same contract has seen."""
        self._window.extend(other._window)

    def act(self) -> tuple[np.ndarray | None, str]:
        """
        Return the actions from the newest tick on.

        :returns: ``(Ta, Da)`` float64 in contract units and an empty text; or ``None`` and why.
        """
        why = self.look()
        return (None, why) if why else self.think()

    def drive(self) -> tuple[np.ndarray | None, str]:
        """
        Return the action of the newest tick as it is driven, from one chunk or several.

        What a chunk takes longer than half a period, and ``slower_s``, it comes later, as where
        inference runs beside the ticks.

        :returns: ``(Da,)`` float64 in contract units and an empty text; or ``None`` and why.
        """
        chunks, period_ns = self.chunks, self.contract.period_ns
        tick_ns, reason = self._ticks * period_ns, ''
        self._arrive(tick_ns)
        if chunks.due(tick_ns):
            begun = chunks.begin(tick_ns)
            reason = self.look()
            actions, reason = (None, reason) if reason else self.think(begun.frozen)
            late_ns = 0 if reason else chunks.delay(self.slower_s) * period_ns
            self._arriving.append(_Answer(begun, actions, tick_ns + late_ns))
            self._arrive(tick_ns)
        left = chunks.left(tick_ns)
        return (left[0], '') if len(left) else (None, reason or 'the first actions are computed')

    def _arrive(self, tick_ns: int) -> None:
        if self._arriving and self._arriving[0].ready_ns <= tick_ns:
            answer = self._arriving.pop()
            self.chunks.take(answer.begun, answer.actions, self.slower_s)

    def look(self) -> str:
        """Make the newest observations what ``think`` thinks of; return why it cannot."""
        if not self._window:
            return 'no observation yet'
        older = self.history - len(self._window)
        for i, seen in enumerate(self._window):
            if not seen.whole and (seen.unseen or not seen.valid[self._needed].all()):
                return self._missing()
            self._seen[0, older + i] = seen.values
            for name, image in seen.images.items():
                self._images[name][0, older + i] = image
        if older:  # an episode's first observation stands for those before it
            self._seen[0, :older] = self._window[0].values
            for name, image in self._window[0].images.items():
                self._images[name][0, :older] = image
        return ''

    def think(self, frozen: np.ndarray = _NOTHING) -> tuple[np.ndarray | None, str]:
        """
        Return the actions from the tick on that ``look`` looked at; observations may go on.

        :param frozen: ``(d, Da)`` that they are to begin with, if the policy can be told.
        :returns: as ``act``.
        """
        self._freeze(frozen)
        try:
            actions = self._brain(self._input, self._images)
        except GraphError:  # its text may quote the graph: this reason goes out over the network
            return None, 'the network failed on this observation'
        if not all(map(math.isfinite, actions.ravel().tolist())):  # 2 us less than NumPy's
            return None, 'the network gave a value that is not finite'
        why = '' if self._gate is None else self._gate.look(self._seen, self._images, actions)
        return (None, why) if why else (actions.astype(np.float64), '')

    def _missing(self) -> str:
        gone = self._needed & ~np.logical_and.reduce([o.valid for o in self._window])
        names = [n for n, missing in zip(self.contract.obs_names, gone, strict=True) if missing]
        unseen = {name: why for seen in self._window for name, why in seen.unseen.items()}
        names += unseen
        more = f' and {len(names) - 1} more' if len(names) > 1 else ''
        why = unseen.get(names[0], '')
        return f'missing: {names[0]}{more}{f" ({why})" if why else ""}'

    def _idle(self, window: np.ndarray, images: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.contract.action.rest[None]

    def _random(self, window: np.ndarray, images: Mapping[str, np.ndarray]) -> np.ndarray:
        action = self.contract.action
        if action.discrete:
            return action.table[self._rng.integers(len(action.table))][None]
        return self._rng.uniform(action.low, action.high)[None]


def _for_task(found: Checkpoint, contract: Contract, task: str) -> Checkpoint:
    """Return a checkpoint for one of its tasks; see ``PolicyRunner``."""
    if not task:
        return found
    chosen = found.doing(task)
    if why := why_not_one_family(contract, chosen.contract):
        raise ContractError(f'The task {task} is not of the family of the contract in use, '
                            f'{contract.name}: {why}. Use the policy where they are alike.')
    return chosen


def graph_of(found: Checkpoint, *, own: bool = False) -> Graph:
    """Return the graph of a checkpoint once it was tried; see ``PolicyRunner``."""
    path, contract = found.path / GRAPH, found.seen
    if not own:
        try_graph(found.graph, contract, found.history, found.horizon, path)
    graph = Graph(found.graph, (1, found.history, contract.obs_dim), path,
                  image_shapes(contract, found.history), (found.horizon, contract.action.dim))
    if graph.shape != (1, found.horizon, contract.action.dim):
        raise GraphError(f'{path} must give (1, {found.horizon}, {contract.action.dim}) '
                              f'values. Got {graph.shape}.')
    if not np.isfinite(graph(np.float32(0.5) * (contract.obs_low + contract.obs_high))).all():
        raise GraphError(f'{path} gives actions that are not finite: its training went '
                              f'wrong. Train again, or use an earlier checkpoint.')
    return graph
