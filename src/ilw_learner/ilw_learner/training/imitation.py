"""Learn from windows of demonstrations: any policy with a loss; keep the one that drives best."""

from collections.abc import Callable, Mapping, Sequence
import copy
from dataclasses import asdict, dataclass
import hashlib
import inspect
import math
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from safetensors.torch import save as to_safetensors
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError, NotFiniteError
from ilw_core.storage.files import read_bytes
from ilw_data.episode.dataset import Dataset
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import Checkpoint, load_checkpoint, save_checkpoint
from ilw_learner.correction.weights import relative_weights
from ilw_learner.data.mirror import with_mirror_images
from ilw_learner.data.mixed_rows import MixedRows, equal_shares, shared_batch
from ilw_learner.data.window_images import WindowImages, images_of
from ilw_learner.networks.averaged_adam import AveragedAdam
from ilw_learner.networks.encoders import EFFICIENTNET_LITE0, ENCODERS, SMALL, frozen_in
from ilw_learner.networks.network import FlatParameters, Parameters
from ilw_learner.networks.policy import ImitationPolicy
from ilw_learner.runtime.chunk_executor import Execution
from ilw_learner.training.held_out import HeldOutError, held_out_error
from ilw_learner.training.loop import CandidateScore, Learner
from ilw_learner.training.options import TrainConfig, plain_values, training_device
from ilw_learner.training.own_random import OwnRandom
from ilw_learner.transfer.anchor import anchored
from ilw_learner.transfer.old_windows import OldWindows

_WARM_UP = 200
"""Updates over which the learning rate rises to its full value"""
_MAX_FILE_BYTES = 2_000_000_000

Score = Callable[[Checkpoint], tuple[int, int]]
"""Checkpoint -> (successes, episodes)"""


@dataclass(frozen=True)
class ImitationConfig(TrainConfig):
    """What every training on windows needs; an algorithm adds its own."""

    open_ended: ClassVar[bool] = False
    """Whether targets that are not there, as past an episode's end, are NaN, for its loss to leave
    out; else a window with one is left out"""

    history: int = 1
    """Observations the policy sees, To"""
    horizon: int = 1
    """Actions it gives at once, Ta"""
    updates: int = 6000
    """Gradient steps; so many for each task that is learned together"""
    batch: int = 256
    """Windows per step, as many of each task"""
    learning_rate: float = 1e-3
    """At the start; falls to zero along a cosine"""
    weight_decay: float = 0.01
    """Decoupled, as in AdamW"""
    mirror: bool = False
    """Add the left-right reflection of every window"""
    average: float = 0.998
    """Decay of the weight average that is kept as the policy"""
    held_out_ratio: float = 0.1
    """Share of episodes never trained on"""
    old_ratio: float = 0.5
    """Least share of each batch that ``--keep replay`` draws from the old demonstrations"""
    anchor: float = 10.0
    """How hard ``--keep ewc`` holds the weights; 1: the old task counts as the new one does"""
    demonstrations: int = 60
    """Episodes that a policy takes; so many ``./ilw demo`` records"""
    eval_slower_s: float = 0.0
    """Each inference takes so much longer when candidates are scored, as where the best drives"""
    encoder: str = SMALL
    """What makes numbers of images: one of ``ENCODERS``"""
    shift_px: int = 0
    """While it trains it sees a part of each image, so much smaller; then the middle"""
    colour: float = 0.0
    """While it trains brightness and contrast of each image differ by up to this part"""

    @property
    def execution(self) -> Execution | None:
        """How its chunks are driven; ``None``: the policy is asked at every tick."""
        return None

    def __post_init__(self) -> None:
        if min(self.history, self.horizon, self.updates, self.batch, self.candidates,
               self.eval_episodes) < 1:
            raise ValueError('history, horizon, updates, batch, candidates and eval_episodes '
                             'must be at least 1.')
        if not (0.0 <= self.held_out_ratio < 1.0 and 0.0 <= self.average < 1.0
                and self.learning_rate > 0.0):
            raise ValueError('held_out_ratio and average must be within [0, 1), learning_rate '
                             'above 0.')
        if not (0.0 < self.old_ratio < 1.0 and self.anchor > 0.0 and self.demonstrations > 0):
            raise ValueError('old_ratio must be within (0, 1), anchor and demonstrations above 0.')
        if self.encoder not in ENCODERS:
            raise ValueError(f'encoder must be one of {", ".join(ENCODERS)}. Got '
                             f'{shown(self.encoder)}.')
        if self.shift_px < 0 or not 0.0 <= self.colour < 1.0:
            raise ValueError('shift_px must be at least 0, colour within [0, 1).')
        if self.encoder == EFFICIENTNET_LITE0 and (self.shift_px or self.colour):
            raise ValueError(f'encoder: {EFFICIENTNET_LITE0} sees each image once, before the '
                             f'training: shift_px and colour must be 0.')
        if not 0.0 <= self.eval_slower_s <= 10.0:
            raise ValueError(f'eval_slower_s must be within 0 and 10 s. Got '
                             f'{self.eval_slower_s:g}.')


class Step(Protocol):
    """How one update of a policy gets its gradient."""

    parameters: Parameters

    def update(self, rows: Tensor) -> None:
        """Fill ``parameters.grad`` for some of the training windows, row numbers (B,)."""

    def loss(self) -> float:
        """Return the loss of the newest batch; waits for the device."""

    def policy(self, flat: Tensor) -> ImitationPolicy:
        """Return a copy of the policy on the CPU with other parameters (P,), ready to act."""

    def flatten(self, policy: Any) -> Tensor:
        """Return the parameters of such a policy as ``parameters.flat`` has them, (P,)."""

    def state(self) -> dict[str, Tensor]:
        """Return what else it takes to go on, beside the parameters."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""


class AutogradStep:
    """
    The usual way: the gradient of ``policy.loss`` by autograd.

    :param obs: ``(N, To, Do)``; ``actions``: ``(N, Ta, Da)``; contract units.
    :param random: where the policy's loss draws from.
    :param weights: (N,) how much each window counts; ``None``: all alike.
    :raises IlwError: the policy's loss takes no weights, and there are some.
    """

    def __init__(self, policy: ImitationPolicy, obs: np.ndarray, actions: np.ndarray,
                 device: torch.device, random: OwnRandom,
                 images: WindowImages | None = None, weights: np.ndarray | None = None) -> None:
        if weights is not None and 'weights' not in inspect.signature(policy.loss).parameters:
            raise IlwError(f'The loss of {type(policy).__name__} takes no weights, so no step can '
                           f'count more than another. Give it the keyword weights, or train with '
                           f'--labels all.')
        self._policy = policy.to(device).train()
        self._flat = FlatParameters(self._policy)
        self.parameters: Parameters = self._flat
        self._obs = torch.as_tensor(obs, device=device)
        self._actions = torch.as_tensor(actions, device=device)
        frozen = frozen_in(self._policy)
        self._images = images.encoded(frozen) if images is not None and frozen else images
        self._random = random
        self._weights = None if weights is None else torch.as_tensor(weights, device=device)
        self._loss = torch.full((), math.nan)

    def update(self, rows: Tensor) -> None:
        """Fill the gradient."""
        images = self._images.of(rows) if self._images else ()
        obs, actions = self._obs.index_select(0, rows), self._actions.index_select(0, rows)
        weights = {} if self._weights is None else {
            'weights': self._weights.index_select(0, rows)}
        with self._random:
            loss = self._policy.loss(obs, actions, *images, **weights)
            self._flat.of(loss)
        self._loss = loss.detach()

    def loss(self) -> float:
        """Return the loss of the newest batch."""
        return float(self._loss)

    def policy(self, flat: Tensor) -> ImitationPolicy:
        """Return a copy of the policy."""
        made = copy.deepcopy(self._policy).cpu()
        self._flat.write(made, flat)
        return made.eval()

    def flatten(self, policy: ImitationPolicy) -> Tensor:
        """Return the parameters of a policy as one vector."""
        flat = nn.utils.parameters_to_vector(
            [each for each in policy.parameters() if each.requires_grad])
        return flat.detach().to(self._flat.flat.device)

    def state(self) -> dict[str, Tensor]:
        """Return buffers, which some layers learn too, and where the random numbers are."""
        return self._random.state() | {
            f'buffer.{name}': value for name, value in self._policy.named_buffers()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""
        self._random.load(state)
        for name, value in self._policy.named_buffers():
            value.copy_(state[f'buffer.{name}'])


class MakeStep(Protocol):
    """Makes the policy of some windows, and the way to its gradient."""

    def __call__(self, obs: np.ndarray, actions: np.ndarray, device: torch.device,
                 rng: torch.Generator, images: WindowImages | None = None,
                 weights: np.ndarray | None = None) -> Step:
        """
        Return it.

        :param obs: ``(N, To, Do)``; ``actions``: ``(N, Ta, Da)``; contract units.
        :param images: of the same windows, where the contract has some.
        :param weights: (N,) float32 how much each window counts, 1 on average; ``None``: alike.
        """


class Imitation(Learner):
    """
    Trains one policy on windows.

    :param make_step: gives a policy and the way to its gradient.
    :param contract: as the policy's network sees it.
    :param train: windows to learn from; their reflections are added if the config says so.
    :param further: windows of further tasks; a batch has as many of each as of ``train``.
    :param held_out: windows of other episodes, to measure the error on.
    :param old: windows of the tasks before, and what they are for.
    :param folder: ``runs/<id>/``; receives a checkpoint per candidate.
    :param score: drives a checkpoint; ``None`` chooses by held-out loss.
    :param card: what else the card of a checkpoint says: its tasks, where it comes from.
    :param code: what else decides: how it is scored, an algorithm's own file.
    :raises NotFiniteError: a window holds NaN or infinity.
    """

    log_every: ClassVar[int] = 100

    def __init__(self, contract: Contract, algorithm: str, config: ImitationConfig,
                 make_step: MakeStep, train: Dataset, held_out: Dataset, folder: Path, *,
                 further: Sequence[Dataset] = (), seed: int = 0, score: Score | None = None,
                 old: OldWindows | None = None, card: Mapping[str, Any] | None = None,
                 code: str = '') -> None:
        self.contract, self.algorithm, self.config = contract, algorithm, config
        tasks = 1 + len(further)
        self.folder, self.held_out, self.planned = folder, held_out, config.updates * tasks
        self._score, self._card = score, card or {}
        self._best: Checkpoint | None = None
        self._judged: Checkpoint | None = None
        replayed = old.data if old is not None and old.keep == 'replay' else None
        parts = [train, *further] if replayed is None else [train, *further, replayed]
        for data in (*parts, held_out):
            _check_windows(data.obs, contract.obs_names, 'observation', data)
            needed = data.actions[:, :1] if config.open_ended else data.actions
            _check_windows(needed, contract.action.names, 'action', data)
        self.device = training_device()
        seen = [with_mirror_images(part.obs, part.actions, contract) if config.mirror else
                (part.obs, part.actions) for part in parts]
        obs, actions = (np.concatenate(each) for each in zip(*seen, strict=True))
        self._rng = torch.Generator(self.device).manual_seed(seed)
        weights = relative_weights([part.weights for part in parts], [len(o) for o, _ in seen])
        self.step = make_step(obs, actions, self.device, self._rng,
                              images_of(parts, self.device), weights)
        self._anchor = None if old is None or old.keep != 'ewc' else anchored(
            self.step, old.data, config.anchor, torch.Generator().manual_seed(seed))
        self.optimiser = AveragedAdam(
            self.step.parameters, learning_rate=config.learning_rate, average=config.average,
            weight_decay=config.weight_decay)
        self.work = _work(contract, config, parts, self.averaged(),
                          f'{algorithm} {seed} {code}')
        new, *before = (config.batch,) if replayed is None else shared_batch(
            config.batch, config.old_ratio)
        self._rows = MixedRows([len(part) for part, _ in seen],
                               (*equal_shares(new, tasks), *before), self._rng)

    @property
    def done(self) -> int:
        """Updates done."""
        return self.optimiser.steps

    def advance(self) -> None:
        """Make one gradient step, all on the device."""
        self._set_rate(self.done + 1)
        self.step.update(self._rows.next())
        if self._anchor is not None:
            self._anchor.pull(self.step.parameters)
        self.optimiser.step()

    def _set_rate(self, update: int) -> None:
        cosine = 0.5 * (1.0 + math.cos(math.pi * update / self.planned))
        self.optimiser.rate = self.config.learning_rate * cosine * min(1.0, update / _WARM_UP)

    def figures(self) -> dict[str, float]:
        """Return the loss; :raises NotFiniteError: it or the weights are not finite."""
        loss = self.step.loss()
        self._require_finite(loss)
        held = {} if self._anchor is None else {
            'train/ewc_penalty': self._anchor.penalty(self.step.parameters)}
        return {f'train/{self.algorithm}_loss': loss, **held}

    def _require_finite(self, loss: float) -> None:
        flat = self.step.parameters.flat
        for what, finite in (('The loss is', math.isfinite(loss)),
                             ('Weights are', bool(torch.isfinite(flat).all()))):
            if not finite:
                raise NotFiniteError(f'{what} NaN or infinite at update {self.done}. Lower '
                                     f'learning_rate, or look for values that are far too large: '
                                     f'./ilw episodes check')

    def averaged(self) -> ImitationPolicy:
        """Return the policy with the averaged weights, on the CPU, ready to act."""
        return self.step.policy(self.optimiser.average)

    def judge(self) -> CandidateScore:
        """Save the policy as a checkpoint, drive it, and measure its held-out error."""
        error = held_out_error(self.averaged(), self.held_out, self.contract.action.names)
        self._require_finite(0.0 if math.isinf(error.loss) else error.loss)
        self._judged = self._save(self.folder / f'candidate-{self.done}', error)
        metrics, ratio = {'eval/held_out_loss': error.loss}, math.nan
        if self._score is not None:
            good, episodes = self._score(self._judged)
            ratio = good / episodes
            metrics |= {'eval/success_rate': ratio, 'eval/episodes': episodes}
            self._judged.card['metrics']['success'] = {'success': good, 'n': episodes}
        rank = (0.0 if math.isnan(ratio) else ratio, -error.loss)
        return CandidateScore(rank, metrics, ratio)

    def _save(self, path: Path, error: HeldOutError) -> Checkpoint:
        policy = self.averaged()
        card = {
            'algorithm': self.algorithm, 'network': plain_values(self.config),
            'history': self.config.history, 'horizon': self.config.horizon, 'update': self.done,
            'metrics': {'held_out': asdict(error)}, **self._card,
        }
        if self.config.execution is not None:
            card['execution'] = asdict(self.config.execution)
        weights = {name: value.contiguous() for name, value in policy.state_dict().items()}
        return save_checkpoint(path, self.contract, card, {
            'policy.onnx': to_onnx(policy, self.contract, self.config.history),
            'weights.safetensors': to_safetensors(weights)})

    def keep(self) -> None:
        """Make the newest candidate ``checkpoint``, with its score on the card."""
        candidate = self._judged
        assert candidate is not None
        own = ('schema', 'contract_hash', 'contract_text', 'files')
        card = {name: value for name, value in candidate.card.items() if name not in own}
        files = {name: read_bytes(candidate.path / name, _MAX_FILE_BYTES)
                 for name in candidate.card['files']}
        self._best = save_checkpoint(self.folder / 'checkpoint', self.contract, card, files)

    @property
    def best(self) -> Checkpoint:
        """The checkpoint that was kept; there must have been a candidate."""
        assert self._best is not None
        return self._best

    def state(self) -> dict[str, Tensor]:
        """Return weights, optimiser and order of the windows."""
        return {'network': self.step.parameters.flat, 'rng': self._rng.get_state(),
                **self._rows.state(), **self.optimiser.state(),
                **{f'step.{name}': value for name, value in self.step.state().items()}}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``; the best checkpoint is on the disk."""
        self._best = load_checkpoint(self.folder / 'checkpoint', self.contract)
        self.step.parameters.flat.copy_(state['network'])
        self._rows.load(state)
        self._rng.set_state(state['rng'].cpu())
        self.optimiser.load(state)
        self.step.load({name.removeprefix('step.'): value for name, value in state.items()
                        if name.startswith('step.')})


def _work(contract: Contract, config: ImitationConfig, parts: Sequence[Dataset],
          policy: ImitationPolicy, more: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        seen = () if part.frames is None else (part.frames, *(
            each for frames in part.images.values() for each in frames.parts))
        counts = () if part.weights is None else (part.weights,)
        for each in (part.obs, part.actions, *seen, *counts):
            digest.update(np.ascontiguousarray(each).data)
    shapes = [(name, tuple(value.shape)) for name, value in policy.state_dict().items()]
    return f'{contract.hash} {config} {shapes} {digest.hexdigest()} {more}'


def _check_windows(values: np.ndarray, names: Sequence[str], what: str, data: Dataset) -> None:
    """Check ``(N, T, D)`` values of windows."""
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row, step, column = wrong[0].tolist()
        raise NotFiniteError(f'{data.names[data.episode[row]]}: {what} {names[column]} is '
                             f'{values[row, step, column]} in window {row}. Take the episode out '
                             f'of training: ./ilw episodes drop')
