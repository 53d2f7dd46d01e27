"""From a folder of episodes to the file of a reward: what ``./ilw reward recover`` does."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
import time
from typing import Any

import numpy as np

from ilw_core import world_seeds
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import ContractError, IlwError
from ilw_data.episode.dataset import split_episodes
from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.algorithms.qtable import MODEL, QTableConfig
from ilw_learner.rewards.adversarial.airl import AirlConfig
from ilw_learner.rewards.adversarial.discriminator import DiscriminatorConfig
from ilw_learner.rewards.adversarial.from_demonstrations import (
    Adversarial,
    recover_adversarially,
)
from ilw_learner.rewards.binned_maze import binned_world, paying_ends, recover_in_bins, ways_of
from ilw_learner.rewards.drives import DegradedDrives, drive_degraded, return_of
from ilw_learner.rewards.in_model import returns_of, wander
from ilw_learner.rewards.noisy_drives import recover_from_drives
from ilw_learner.rewards.paid import earned_in
from ilw_learner.rewards.ranking import RankingReport, rank_all, rank_pairs
from ilw_learner.rewards.reward_file import RecoveredReward, save_reward
from ilw_learner.rewards.step_features import features_of, pose_columns
from ilw_learner.rollout.evaluate import acting, make_env
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.options import TrainConfig, TrainOptions, load_demonstrations, provenance

METHODS = ('places', 'linear', 'airl')
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Parts of the actions of a driver in the simulator that are random"""
WORSE = 0.3
"""From this part on its driving is called worse"""
WORLDS = 40
"""That it drives in"""
_HELD_OUT = 0.2


@dataclass(frozen=True)
class RecoverOptions:
    """What a reward is recovered from."""

    contract: Contract
    demos: Path
    out: Path
    """The file"""
    method: str
    """One of ``METHODS``"""
    seed: int = 0
    simulator: str = 'ilw_sim.batch.batch_env:make_batch'
    discount: float = 0.99
    """Of ``linear``, per step: what learns from the reward must use the same"""
    clone: Path | None = None
    """A checkpoint that drives as the demonstrations; ``None``: one is trained from them"""
    clone_config: TrainConfig | None = None
    """Values of that training; those of ``bc``"""
    driver_config: TrainConfig | None = None
    """Of ``airl``, the driver's; those of ``dqn``"""
    steps: int = 300_000
    """Of ``airl``, that the driver takes"""
    allow_other_contract: bool = False
    max_demos: int = 0
    say: Callable[[str], None] = field(default=lambda text: None)
    on_progress: Callable[[int], None] = field(default=lambda done: None)
    """Called with how many of the ``WORLDS`` a clone has driven in, or of the ``steps`` of
    ``airl`` its driver has taken"""


@dataclass(frozen=True)
class RecoveryReport:
    """What came out; ``--json`` shows it under these names."""

    file: str
    hash: str
    task: str
    method: str
    episodes: int
    """That it was recovered from"""
    held_out: int
    """Further ones, to rank with"""
    weights: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """Of ``linear``, where each weight is with 95 % certainty"""
    unknown: tuple[str, ...]
    """Features of which the drives show nothing"""
    mismatch: float | None
    """Of ``places``, the largest difference of a feature's count, demonstrated minus expected"""
    agreement: float | None
    """Of ``linear``, the part of the pairs of drives in which less noise earns more"""
    driver_success: float | None
    """Of ``airl``, the part of unseen worlds in which the driver itself arrives"""
    told_apart: float | None
    """Of ``airl``, the part of the steps whose side could be told at the end; 0.5: by chance"""
    ranking: RankingReport
    """Held-out demonstrations above worse driving"""
    seconds: float


def recover(options: RecoverOptions) -> RecoveryReport:
    """
    Find the reward that makes the demonstrations likeliest, and write it.

    :raises IlwError: no usable episode, or the method does not fit the contract.
    """
    begin = time.monotonic()
    contract, rng = options.contract, np.random.default_rng(options.seed)
    if options.method == 'places':
        pose_columns(contract)
        if not contract.action.discrete:
            raise ContractError(f'{contract.name}: --method places needs named actions and one '
                                f'fixed world. Use --method linear.')
    loading = TrainOptions(
        contract=contract, algorithm='bc', config=ALGORITHMS['bc'].config(), demos=options.demos,
        out=options.out.parent / f'{options.out.stem}-clone', seed=options.seed, env_spec=None,
        simulator=options.simulator, max_demos=options.max_demos,
        allow_other_contract=options.allow_other_contract, say=options.say)
    episodes = [each.without_images() for each in load_demonstrations(loading)]
    if len(episodes) < 2:
        raise IlwError(f'{options.demos} must hold two demonstrations at least, one of them to '
                       f'check the reward with. Got {len(episodes)}.')
    first, rest = split_episodes(len(episodes), _HELD_OUT, rng)
    training, held = ([episodes[k] for k in rows] for rows in (first, rest))
    names = tuple(each.name for each in training)
    own: dict[str, float | None] = dict.fromkeys(
        ('mismatch', 'agreement', 'driver_success', 'told_apart'))
    if options.method == 'places':
        reward, own['mismatch'], ranking = _in_places(contract, training, held, rng)
    elif options.method == 'airl':
        found, ranking = _adversarial(options, training, held, rng)
        reward = found.reward
        own |= {'driver_success': found.success_ratio, 'told_apart': found.told_apart}
    else:
        loading = replace(loading, only=frozenset(names))  # a clone must not see the others
        reward, own['agreement'], ranking = _linear(options, loading, held, rng)
    # A learner's rates and its network's outputs are made for episodes that earn about 1.
    size = float(np.mean([np.abs(earned_in(each, reward)).sum() for each in training]))
    factor = 1.0 / max(size, 1e-9)
    ranking = ranking.times(factor)
    saved = save_reward(options.out, replace(reward.times(factor), provenance={
        **provenance(loading, names), 'held_out': [each.name for each in held],
        **own, 'ranking': asdict(ranking)}))
    return RecoveryReport(
        file=str(options.out), hash=saved.hash, task=contract.name, method=saved.method,
        episodes=len(training), held_out=len(held), weights=saved.weights,
        intervals=saved.intervals, unknown=saved.unknown, **own, ranking=ranking,
        seconds=round(time.monotonic() - begin, 1))


def _in_places(contract: Contract, training: Sequence[Episode], held: Sequence[Episode],
               rng: np.random.Generator) -> tuple[RecoveredReward, float, RankingReport]:
    """Recover exactly, in bins; rank in them, too, each demonstration with its own start."""
    config = QTableConfig()
    model = make_env(MODEL, paying_ends(contract), bins=config.bins, hold=config.hold)
    binned = binned_world(contract, model, config.hold)
    reward, found = recover_in_bins(contract, binned, ways_of(training, contract, binned))
    good = ways_of(held, contract, binned)
    of_state = binned.features @ found.weights
    worse = [wander(binned.world, of_state, int(way[0]), WORSE, rng) for way in good]
    ranking = rank_pairs(returns_of(good, of_state), returns_of(worse, of_state), rng)
    return reward, found.mismatch, ranking


def _linear(options: RecoverOptions, cloning: TrainOptions, held: Sequence[Episode],
            rng: np.random.Generator) -> tuple[RecoveredReward, float, RankingReport]:
    """Recover from degraded drives of a clone; rank with those that are clearly worse."""
    contract = options.contract
    names = list(features_of(contract))
    clone = options.clone or _clone(options, cloning)
    clones = [PolicyRunner(clone, contract, seed=k) for k in range(len(SHARES))]

    def after(worlds: int) -> None:
        for each in clones:
            each.reset()  # the next world is another episode
        options.on_progress(worlds)

    drives = drive_degraded(contract, options.simulator, [*map(acting, clones)], SHARES,
                            _worlds(options), names, rng, discount=options.discount,
                            on_world=after)
    reward, agreement = recover_from_drives(contract, drives, names, options.discount, rng)
    return reward, agreement, _above(held, drives, reward, names, rng)


def _adversarial(options: RecoverOptions, training: Sequence[Episode], held: Sequence[Episode],
                 rng: np.random.Generator) -> tuple[Adversarial, RankingReport]:
    """Recover by setting a driver against the demonstrations; rank with it, degraded."""
    contract, names = options.contract, list(features_of(options.contract))
    config: Any = options.driver_config or ALGORITHMS['dqn'].config()
    found = recover_adversarially(
        contract, training, options.simulator, replace(config, steps=options.steps),
        AirlConfig(DiscriminatorConfig(gamma=options.discount)), options.seed, options.on_progress)
    shares = [share for share in SHARES if share >= WORSE]
    drives = drive_degraded(contract, options.simulator, [found.act] * len(shares), shares,
                            _worlds(options), names, rng, discount=options.discount)
    return found, _above(held, drives, found.reward, names, rng)


def _worlds(options: RecoverOptions) -> range:
    """Return the worlds that are driven in with noise."""
    first = options.seed * world_seeds.PER_RUN + world_seeds.LEARN
    return range(first, first + WORLDS)


def _above(held: Sequence[Episode], drives: DegradedDrives, reward: RecoveredReward,
           names: list[str], rng: np.random.Generator) -> RankingReport:
    """Rank demonstrations above all drives that are called worse."""
    good = np.array([return_of(each, reward) for each in held])
    worse = drives.sums[:, drives.shares >= WORSE].reshape(-1, len(names)) @ [
        reward.weights.get(name, 0.0) for name in names]
    return rank_all(good, worse, rng)


def _clone(options: RecoverOptions, cloning: TrainOptions) -> Path:
    """Train a policy that drives as the demonstrations; beside the file."""
    config: Any = options.clone_config or cloning.config
    options.say(f'A clone of the demonstrations is trained in {cloning.out}; --clone names one '
                f'that is there.')
    return Path(ALGORITHMS['bc'].train(replace(cloning, config=config),
                                       lambda now: True).checkpoint)
