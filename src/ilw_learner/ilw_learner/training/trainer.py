"""Turn episodes and a policy into checkpoints; keep the one that drives best."""

from collections.abc import Callable, Iterator, Sequence
import copy
from dataclasses import asdict, dataclass
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
from safetensors.torch import save as to_safetensors
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract
from ilw_core.errors import NotFiniteError
from ilw_core.storage.files import read_bytes
from ilw_data.episode.dataset import Dataset
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import Checkpoint, save_checkpoint
from ilw_learner.data.mirror import with_mirror_images
from ilw_learner.data.normalizer import Normalizer
from ilw_learner.policies.averaged_adam import AveragedAdam
from ilw_learner.policies.bc import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.policies.flat_mlp import FlatMlp
from ilw_learner.training.progress import CancelledError, Progress
from ilw_learner.training.tracking import Tracker

_LOG_EVERY = 100
_WARM_UP = 200
"""Updates over which the learning rate rises to its full value"""

Score = Callable[[Checkpoint], tuple[int, int]]
"""Checkpoint -> (successes, episodes)"""

_MAX_FILE_BYTES = 2_000_000_000


@dataclass(frozen=True)
class TrainResult:
    """What came out."""

    checkpoint: Checkpoint
    held_out: dict[str, Any]
    success: tuple[int, int] | None
    train_s: float


@dataclass(frozen=True)
class _Candidate:
    rank: tuple[float, float]
    """Success ratio, then held-out loss; the better, the greater"""
    checkpoint: Checkpoint
    error: dict[str, Any]
    success: tuple[int, int] | None


class Trainer:
    """
    Trains one policy.

    :param train: windows to learn from.
    :param held_out: windows of other episodes, to measure the error on.
    :param folder: ``runs/<id>/``; receives checkpoints, TensorBoard events, ``metrics.jsonl``.
    :param score: drives a checkpoint; ``None`` chooses by held-out loss.
    :param track: name in ``tracking.TRACKERS``.
    :param on_progress: called every hundred updates; returning ``False`` cancels.
    :raises NotFiniteError: a window holds NaN or infinity.
    """

    def __init__(self, contract: Contract, config: BcConfig, train: Dataset, held_out: Dataset,
                 folder: Path, *, seed: int = 0, score: Score | None = None,
                 provenance: dict[str, Any] | None = None, track: str = 'tensorboard',
                 on_progress: Callable[[Progress], bool] = lambda p: True) -> None:
        self.contract, self.config, self.folder = contract, config, folder
        self.seed, self.score, self.on_progress = seed, score, on_progress
        self.provenance, self._track = provenance or {}, track
        self.held_out = held_out
        self._best: _Candidate | None = None
        for data in (train, held_out):
            _check_windows(data.obs, contract.obs_names, 'observation', data)
            _check_windows(data.actions, contract.action.names, 'action', data)
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        obs, actions = train.obs, train.actions
        if config.mirror:
            obs, actions = with_mirror_images(obs, actions, contract)
        policy = BehaviourCloning(contract, config, Normalizer.fit(obs), Normalizer.fit(actions),
                                  nn.Identity())
        self.network = FlatMlp(cloning_sizes(contract, config, policy.inputs),
                               torch.Generator().manual_seed(seed), self.device)
        self._optimiser = AveragedAdam(
            self.network, learning_rate=config.learning_rate, average=config.average,
            weight_decay=config.weight_decay)
        self._policy = policy.to(self.device)
        self._obs = policy.inputs.normalise(torch.as_tensor(obs, device=self.device))
        if not config.noise:  # nothing changes from one pass to the next
            self._obs = policy.inputs.expand(self._obs).flatten(1)
        self._obs = self._obs.contiguous()
        self._targets = policy.targets(torch.as_tensor(actions, device=self.device))
        self._rng = torch.Generator(self.device).manual_seed(seed)

    def fit(self) -> TrainResult:
        """
        Train to the end and return the best candidate.

        :raises CancelledError: ``on_progress`` said so.
        :raises NotFiniteError: the loss or weights are NaN or infinite; the best candidate until
            then is kept.
        """
        begin = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        with Tracker(self.folder, self._track) as tracker:
            try:
                self._train(tracker)
            except NotFiniteError as error:
                if self._best is None:
                    raise
                kept = self._keep(self._best.checkpoint, self._best.success)
                raise NotFiniteError(f'{error} The best checkpoint until then is kept: '
                                     f'{kept.path}') from error
        best = self._best
        assert best is not None
        final = self._keep(best.checkpoint, best.success)
        return TrainResult(final, best.error, best.success, time.monotonic() - begin)

    def _train(self, tracker: Tracker) -> None:
        """Make every update; the best candidate is in ``_best`` afterwards."""
        config = self.config
        marks = {math.ceil(config.updates * (i + 1) / config.candidates)
                 for i in range(config.candidates)}
        success_ratio, evaluations = math.nan, 0
        for update, rows in enumerate(self._batches(), start=1):
            self._set_rate(update)
            out, targets = self._update(rows)
            if update % _LOG_EVERY == 0 or update == config.updates:
                loss = float(self._policy.loss(out, targets))
                self._require_finite(loss, update)
                tracker.write(update, {'train/bc_loss': loss}, update=update)
                if not self.on_progress(
                        Progress(update, config.updates, loss, success_ratio, evaluations)):
                    raise CancelledError
            if update in marks:
                pause = time.monotonic()
                metrics, success = self._take_candidate(update)
                if success:
                    evaluations += 1
                    success_ratio = metrics['eval/success_rate']
                tracker.leave_out(time.monotonic() - pause)
                tracker.write(update, metrics, update=update)

    def _take_candidate(self, update: int) -> tuple[dict[str, float], tuple[int, int] | None]:
        """Save and score a candidate; return its metrics, and successes of episodes."""
        error = self.held_out_error()
        self._require_finite(0.0 if math.isinf(error['loss']) else error['loss'], update)
        candidate = self._save(self.folder / f'candidate-{update}', update, error)
        success = self.score(candidate) if self.score else None
        metrics = {'eval/held_out_loss': error['loss']}
        if success:
            metrics |= {'eval/success_rate': success[0] / success[1],
                        'eval/episodes': success[1]}
        rank = (metrics.get('eval/success_rate', 0.0), -error['loss'])
        if self._best is None or rank >= self._best.rank:
            self._best = _Candidate(rank, candidate, error, success)
        return metrics, success

    def _require_finite(self, loss: float, update: int) -> None:
        for what, finite in (('The loss is', math.isfinite(loss)), (
                'Weights are', bool(torch.isfinite(self.network.flat).all()))):
            if not finite:
                raise NotFiniteError(f'{what} NaN or infinite at update {update}. Lower '
                                     f'learning_rate, or look for values that are far too large: '
                                     f'./ilw episodes check')

    def _batches(self) -> Iterator[Tensor]:
        """Yield row numbers: every window once per epoch, in a new order each time."""
        size, rows = self.config.batch, len(self._obs)
        order, start = torch.empty(0, dtype=torch.int64, device=self.device), 0
        for _ in range(self.config.updates):
            if start + size > len(order):
                fresh = torch.randperm(rows, generator=self._rng, device=self.device)
                order, start = torch.cat([order[start:], fresh]), 0
                while len(order) < size:
                    order = torch.cat([order, fresh])
            yield order[start:start + size]
            start += size

    def _set_rate(self, update: int) -> None:
        cosine = 0.5 * (1.0 + math.cos(math.pi * update / self.config.updates))
        rate = self.config.learning_rate * cosine * min(1.0, update / _WARM_UP)
        self._optimiser.rate = rate

    def _update(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Make one gradient step, all on the device; return the outputs and what was wanted."""
        inputs, targets = self._obs.index_select(0, rows), self._targets.index_select(0, rows)
        if self.config.noise:
            noise = torch.randn(inputs.shape, generator=self._rng, device=self.device)
            inputs = self._policy.inputs.expand(inputs.add_(noise, alpha=self.config.noise))
            inputs = inputs.flatten(1)
        out = self.network.forward(inputs)
        self.network.backward(inputs, self._policy.slope(out, targets))
        self._optimiser.step()
        return out, targets

    def averaged(self) -> BehaviourCloning:
        """Return the policy with the averaged weights, on the CPU, ready to act."""
        policy = copy.deepcopy(self._policy).cpu()
        policy.net = self.network.module(self._optimiser.average)
        return policy.eval()

    def held_out_error(self) -> dict[str, Any]:
        """
        Return the error on held-out episodes, beside that of repeating the last command.

        Mean absolute and root mean square error per action value, in its own unit, both over the
        windows that have a last command; NaN when nothing was held out.
        """
        data, names = self.held_out, self.contract.action.names
        known = np.isfinite(data.previous).all(axis=1)
        if not known.any():
            nothing = dict.fromkeys(names, math.nan)
            return {'loss': math.inf, 'windows': 0, 'mae': nothing, 'rmse': nothing,
                    'mae_last_command': nothing, 'rmse_last_command': nothing}
        policy = self.averaged()
        with torch.no_grad():
            obs, actions = torch.as_tensor(data.obs), torch.as_tensor(data.actions)
            out = policy.net(policy.inputs(obs).flatten(1))
            loss = float(policy.loss(out, policy.targets(actions)))
            off = (policy(obs) - actions)[:, 0].numpy()[known]
        last = (data.previous - data.actions[:, 0])[known]

        def named(values: np.ndarray) -> dict[str, float]:
            return {n: float(v) for n, v in zip(names, values, strict=True)}

        return {
            'loss': loss, 'windows': len(data.obs),
            'mae': named(np.abs(off).mean(axis=0)),
            'rmse': named(np.sqrt(np.square(off).mean(axis=0))),
            'mae_last_command': named(np.abs(last).mean(axis=0)),
            'rmse_last_command': named(np.sqrt(np.square(last).mean(axis=0))),
        }

    def _save(self, path: Path, update: int, error: dict[str, Any]) -> Checkpoint:
        policy = self.averaged()
        weights = {k: v.contiguous() for k, v in policy.state_dict().items()}
        card = {
            'algorithm': 'bc', 'network': asdict(self.config), 'history': self.config.history,
            'horizon': self.config.horizon, 'update': update,
            'metrics': {'held_out': error}, 'provenance': self.provenance,
        }
        return save_checkpoint(path, self.contract, card, {
            'policy.onnx': to_onnx(policy, self.contract, self.config.history),
            'weights.safetensors': to_safetensors(weights)})

    def _keep(self, candidate: Checkpoint, success: tuple[int, int] | None) -> Checkpoint:
        """Copy the best candidate to ``checkpoint`` with its score on the card."""
        own = ('schema', 'contract_hash', 'contract_text', 'files')
        card = {k: v for k, v in candidate.card.items() if k not in own}
        if success:
            card['metrics']['success'] = {'success': success[0], 'n': success[1]}
        files = {name: read_bytes(candidate.path / name, _MAX_FILE_BYTES)
                 for name in candidate.card['files']}
        return save_checkpoint(self.folder / 'checkpoint', self.contract, card, files)


def _check_windows(values: np.ndarray, names: Sequence[str], what: str, data: Dataset) -> None:
    """Check ``(N, T, D)`` values of windows."""
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row, step, column = wrong[0].tolist()
        raise NotFiniteError(f'{data.names[data.episode[row]]}: {what} {names[column]} is '
                             f'{values[row, step, column]} in window {row}. Take the episode out '
                             f'of training: ./ilw episodes drop')
