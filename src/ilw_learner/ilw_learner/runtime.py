"""
Run a policy: a checkpoint, or one of the baselines, plus the memory it needs. No torch, no ROS.

ONNX Runtime with one thread: at this size more threads cost time.
"""

from collections import deque
from functools import cache
import math
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort

from ilw_core.align import Observation
from ilw_core.contract import Contract
from ilw_core.errors import CheckpointError
from ilw_learner.checkpoint import GRAPH, Checkpoint, load_checkpoint
from ilw_learner.graph_check import MAX_MEMORY_BYTES, check_graph
from ilw_learner.signing import TrustedKeys

BASELINES = ('idle', 'random')


class _Brain(Protocol):
    """Maps ``(1, To, Do)`` observations to ``(Ta, Da)`` actions."""

    def __call__(self, window: np.ndarray) -> np.ndarray: ...


class PolicyRunner:
    """
    Turns observations into action chunks.

    :param checkpoint: a checkpoint folder, ``idle`` (the stop action) or ``random`` (any action).
    :param trusted: one of these keys must have signed the checkpoint; ``None`` takes it unsigned.
    :raises IlwError: it is not a checkpoint, was made for another contract, or is not signed so.
    """

    def __init__(self, checkpoint: str | Path, contract: Contract, *, seed: int = 0,
                 trusted: TrustedKeys | None = None) -> None:
        self.contract = contract
        self.name = str(checkpoint)
        self._rng = np.random.default_rng(seed)
        if self.name == 'random' and trusted is not None:
            raise CheckpointError(f'What drives must be signed by a key in {trusted.folder}. '
                                  f'random is signed by nobody. Name a signed checkpoint, or '
                                  f'idle, which only stops.')
        if self.name in BASELINES:
            self.history, self.horizon = 1, 1
            self._brain: _Brain = self._idle if self.name == 'idle' else self._random
        else:
            found = load_checkpoint(Path(checkpoint), contract, trusted)
            self.name, self.history, self.horizon = found.hash, found.history, found.horizon
            self._brain = _graph(found, contract)
        self._window: deque[Observation] = deque(maxlen=self.history)
        self._input = np.zeros((1, self.history, contract.obs_dim), dtype=np.float32)

    def reset(self) -> None:
        """Forget the past, as at the start of an episode."""
        self._window.clear()

    def observe(self, observation: Observation) -> None:
        """Take in the observation of a tick."""
        self._window.append(observation)

    def remember(self, other: 'PolicyRunner') -> None:
        """Take over what another policy of the same contract has seen."""
        self._window.extend(other._window)

    def act(self) -> tuple[np.ndarray | None, str]:
        """
        Return the actions from the newest tick on.

        :returns: ``(Ta, Da)`` float64 in contract units and an empty text; or ``None`` and why.
        """
        if not self._window:
            return None, 'no observation yet'
        older = self.history - len(self._window)
        for i, seen in enumerate(self._window):
            if np.count_nonzero(seen.valid) < len(seen.valid):
                return None, self._missing()
            self._input[0, older + i] = seen.values
        # An episode's first observation stands for those before it.
        self._input[0, :older] = self._window[0].values
        try:
            actions = self._brain(self._input)
        except CheckpointError as error:
            return None, str(error)
        if not all(map(math.isfinite, actions.ravel().tolist())):  # 2 us less than NumPy's
            return None, 'the network gave a value that is not finite'
        return actions.astype(np.float64), ''

    def _missing(self) -> str:
        gone = ~np.logical_and.reduce([o.valid for o in self._window])
        names = [n for n, missing in zip(self.contract.obs_names, gone, strict=True) if missing]
        more = f' and {len(names) - 1} more' if len(names) > 1 else ''
        return f'missing: {names[0]}{more}'

    def _idle(self, window: np.ndarray) -> np.ndarray:
        action = self.contract.action
        stop = np.zeros(action.dim) if action.stop is None else action.stop
        return stop[None]

    def _random(self, window: np.ndarray) -> np.ndarray:
        action = self.contract.action
        if action.discrete:
            return action.table[self._rng.integers(len(action.table))][None]
        return self._rng.uniform(action.low, action.high)[None]


class Graph:
    """
    An ONNX graph on one CPU thread, its input and output bound once: 10 microseconds, not 13.

    :param model: the ONNX file's content. Not its path: files beside it are then out of reach.
    :param shape: of the input ``observation``; float32, as the output ``action`` is.
    :param path: where it came from, for the error's text.
    :raises CheckpointError: it is no such graph.
    """

    def __init__(self, model: bytes, shape: tuple[int, ...], path: Path = Path(GRAPH)) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry('session.use_env_allocators', '1')
        self._input = np.zeros(shape, dtype=np.float32)
        check_graph(model, path)
        try:
            _bound_memory()
            self._session = ort.InferenceSession(model, options,
                                                 providers=['CPUExecutionProvider'])
            self._output = self._session.run(['action'], {'observation': self._input})[0]
            self._binding = self._session.io_binding()
            for bind, name, array in (
                (self._binding.bind_input, 'observation', self._input),
                (self._binding.bind_output, 'action', self._output),
            ):
                bind(name, 'cpu', 0, np.float32, array.shape, array.ctypes.data)
        except Exception as error:  # onnxruntime's errors share no other base class
            raise CheckpointError(f'{path} is no network for this contract: '
                                  f'{" ".join(str(error).split())[:200]}') from error
        if self._output.dtype != np.float32:
            raise CheckpointError(f'{path} must give float32. Got {self._output.dtype}.')
        self.shape = self._output.shape

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """
        Return the output, without the batch; the next call overwrites it.

        :raises CheckpointError: the graph cannot be computed for these values.
        """
        self._input[:] = values
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:
            raise CheckpointError(f'the network failed: '
                                  f'{" ".join(str(error).split())[:200]}') from error
        return self._output[0]


@cache
def _bound_memory() -> None:
    """Let no graph take more memory than any policy needs; once per process."""
    ort.create_and_register_allocator(
        ort.OrtMemoryInfo('Cpu', ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                          ort.OrtMemType.DEFAULT),
        ort.OrtArenaCfg({'max_mem': MAX_MEMORY_BYTES, 'arena_extend_strategy': 1}))


def _graph(found: Checkpoint, contract: Contract) -> Graph:
    path = found.path / GRAPH
    graph = Graph(found.graph, (1, found.history, contract.obs_dim), path)
    if graph.shape != (1, found.horizon, contract.action.dim):
        raise CheckpointError(f'{path} must give (1, {found.horizon}, {contract.action.dim}) '
                              f'values. Got {graph.shape}.')
    if not np.isfinite(graph(np.float32(0.5) * (contract.obs_low + contract.obs_high))).all():
        raise CheckpointError(f'{path} gives actions that are not finite: its training went '
                              f'wrong. Train again, or use an earlier checkpoint.')
    return graph
