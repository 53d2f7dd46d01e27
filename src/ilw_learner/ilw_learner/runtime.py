"""
Run a policy: a checkpoint, or one of the baselines, plus the memory it needs. No torch, no ROS.

ONNX Runtime with one thread: at this size more threads cost time.
"""

from collections import deque
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort

from ilw_core.align import Observation
from ilw_core.contract import Contract
from ilw_core.errors import CheckpointError
from ilw_learner.checkpoint import GRAPH, load_checkpoint

BASELINES = ('idle', 'random')


class _Brain(Protocol):
    """Maps ``(1, To, Do)`` observations to ``(Ta, Da)`` actions."""

    def __call__(self, window: np.ndarray) -> np.ndarray: ...


class PolicyRunner:
    """
    Turns observations into action chunks.

    :param checkpoint: a checkpoint folder, ``idle`` (the stop action) or ``random`` (any action).
    :raises IlwError: it is not a checkpoint, or was made for another contract.
    """

    def __init__(self, checkpoint: str | Path, contract: Contract, *, seed: int = 0) -> None:
        self.contract = contract
        self.name = str(checkpoint)
        self._rng = np.random.default_rng(seed)
        if self.name in BASELINES:
            self.history, self.horizon = 1, 1
            self._brain: _Brain = self._idle if self.name == 'idle' else self._random
        else:
            found = load_checkpoint(Path(checkpoint), contract)
            self.name, self.history, self.horizon = found.hash, found.history, found.horizon
            self._brain = _graph(found.path / GRAPH, found.history, found.horizon, contract)
        self._window: deque[Observation] = deque(maxlen=self.history)

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
        missing = ~np.logical_and.reduce([o.valid for o in self._window])
        if missing.any():
            names = [n for n, gone in zip(self.contract.obs_names, missing, strict=True) if gone]
            return None, f'missing: {names[0]}' + (f' and {len(names) - 1} more'
                                                    if len(names) > 1 else '')
        window = [o.values for o in self._window]
        window = [window[0]] * (self.history - len(window)) + window
        actions = self._brain(np.stack(window)[None])
        if not np.isfinite(actions).all():
            return None, 'the network gave a value that is not finite'
        return actions.astype(np.float64), ''

    def _idle(self, window: np.ndarray) -> np.ndarray:
        action = self.contract.action
        stop = np.zeros(action.dim) if action.stop is None else action.stop
        return stop[None]

    def _random(self, window: np.ndarray) -> np.ndarray:
        action = self.contract.action
        if action.discrete:
            return action.table[self._rng.integers(len(action.table))][None]
        return self._rng.uniform(action.low, action.high)[None]


def _graph(path: Path, history: int, horizon: int, contract: Contract) -> _Brain:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        probe = np.zeros((1, history, contract.obs_dim), dtype=np.float32)
        shape = session.run(['action'], {'observation': probe})[0].shape
    except Exception as error:  # onnxruntime's errors share no other base class
        raise CheckpointError(f'{path} is no network for this contract: '
                              f'{" ".join(str(error).split())[:200]}') from error
    if shape != (1, horizon, contract.action.dim):
        raise CheckpointError(f'{path} must give (1, {horizon}, {contract.action.dim}) values. '
                              f'Got {shape}.')

    def brain(window: np.ndarray) -> np.ndarray:
        return session.run(['action'], {'observation': window.astype(np.float32)})[0][0]

    return brain
