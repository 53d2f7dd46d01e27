"""What every training run shares: its options, demonstrations, scoring and provenance."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
import platform
import subprocess
from typing import Any

import torch

from ilw_core import world_seeds
from ilw_core.base.plant import PlantProfile
from ilw_core.contract.family import with_task_entry
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode, Outcome
from ilw_core.errors import EpisodeError, FeatureMisfitError
from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes
from ilw_core.text.printable import pasteable
from ilw_data.episode.dataset import load_episode, usable
from ilw_data.episode.judge import judged
from ilw_learner.checkpoint.folder import Checkpoint, learned_from
from ilw_learner.correction.weights import failed_teach, has_labels
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rollout.evaluate import evaluate, make_env
from ilw_learner.runtime.runner import PolicyRunner


@dataclass(frozen=True)
class TrainConfig:
    """Values that every algorithm has; see ``config/train``."""

    candidates: int = 3
    """Times along the way that the policy is scored; the best is kept"""
    eval_episodes: int = 30
    """Simulated episodes to score it"""


@dataclass(frozen=True)
class OldDemos:
    """Demonstrations of a task that was learned before."""

    folder: Path
    most: int = 0
    """Use only this many, the oldest; 0: all"""


@dataclass(frozen=True)
class TaskDemos:
    """One of the tasks that a policy learns together, and its demonstrations."""

    contract: Contract
    demos: Path


@dataclass(frozen=True)
class TrainOptions:
    """What a run is made of."""

    contract: Contract
    algorithm: str
    """Name in ``ALGORITHMS``"""
    config: TrainConfig
    demos: Path
    out: Path
    more_demos: tuple[Path, ...] = ()
    """Further folders of episodes to learn from, each like those of ``demos``"""
    seed: int = 0
    env_spec: str | None = None
    """``module:function`` of the environment to score checkpoints in; ``None``: not scored"""
    simulator: str = 'ilw_sim.batch.batch_env:make_batch'
    """``module:function`` of the many robots that reward is earned with"""
    plant: PlantProfile | None = None
    """What simulated episodes draw their base from, in training and in scoring"""
    eval_seed: int = world_seeds.CHOOSE
    begin: Checkpoint | None = None
    """What it begins with; ``None``: with nothing"""
    keep: str = 'none'
    """What holds it to that: name in ``transfer.old_windows.KEEPS``"""
    old_demos: tuple[OldDemos, ...] = ()
    """Of the tasks before, for what ``keep`` names"""
    labels: str = 'all'
    """Which steps are labels where a policy drove, too: one of ``correction.weights.LABELS``"""
    reward: RecoveredReward | None = None
    """What is earned instead of the contract's reward; ``None``: that"""
    allow_other_contract: bool = False
    max_demos: int = 0
    """Use only this many, the oldest; 0: all"""
    only: frozenset[str] = frozenset()
    """Use only the demonstrations of these names; empty: all"""
    track: str = 'tensorboard'
    """Name in ``tracking.TRACKERS``"""
    code: str = ''
    """Digest of an algorithm's own file"""
    say: Callable[[str], None] = field(default=lambda text: None)
    tasks: tuple[TaskDemos, ...] = ()
    """(K,) what one policy learns together; ``contract`` and ``demos`` are then those of the
    first. Empty: one task"""

    @property
    def task_names(self) -> tuple[str, ...]:
        """(K,) what its tasks are called; mostly one."""
        return tuple(each.contract.name for each in self.tasks) or (self.contract.name,)

    @property
    def seen(self) -> Contract:
        """The contract as the policy's network sees it: of several tasks with ``task``."""
        return with_task_entry(self.contract, self.task_names) if self.tasks else self.contract

    def by_task(self) -> tuple['TrainOptions', ...]:
        """Return the options of each task by itself."""
        return tuple(replace(self, contract=each.contract, demos=each.demos, tasks=())
                     for each in self.tasks) or (self,)


@contextmanager
def training_math() -> Iterator[None]:
    """
    Set torch up for small networks meanwhile; use it to decorate a training.

    One thread: a second one waits longer for the first than it computes, at this size (two busy
    cores, batch 256: 2.1 ms an update with one, 13 to 24 ms with two). And no numbers too small
    to matter, into which Adam's averages decay: 10 times slower.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def training_device() -> torch.device:
    """Return the device to train on."""
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def load_demonstrations(options: TrainOptions) -> list[Episode]:
    """
    Return the episodes to learn from; one that cannot be used is said and left out.

    Where labels tell who drove, what a person drove in an attempt that failed later is one, too.

    :raises EpisodeError: there is none; says why where the contract is what is wrong.
    """
    helped = failed_teach(options.labels)
    folders = [each for demos in (options.demos, *options.more_demos)
               for each in find_demonstrations(demos, options.contract.name, failed=helped)]
    loaded: list[Episode] = []
    misfits: list[FeatureMisfitError] = []
    for folder in folders[:options.max_demos or None]:
        if options.only and folder.path.name not in options.only:
            continue
        try:
            episode = judged(load_episode(
                folder, options.contract, cache=options.out.parent / '.cache',
                allow_other_contract=options.allow_other_contract, sound=True), options.contract)
        except FeatureMisfitError as error:
            misfits.append(error)
            continue
        except EpisodeError as error:
            options.say(f'left out: {error}')
            continue
        loaded.append(episode)
        for remark in episode.remarks:
            options.say(f'{episode.name}: {remark.text}')
    if misfits and not loaded:
        raise misfits[0]  # the same of each recording: said once
    for each in misfits:
        options.say(f'left out: {each}')
    if helped:  # where nobody took over there is nothing to learn, nor to measure an error on
        loaded = [each for each in loaded if has_labels(each, options.labels)] or [
            each for each in loaded if each.outcome is not Outcome.FAILURE]
    if not loaded:
        raise EpisodeError(f'None of {len(folders)} episodes in {options.demos} can be used; '
                           f'see above, or run ./ilw episodes check {pasteable(options.demos)}.')
    return loaded


def find_demonstrations(demos: Path, task: str, *, failed: bool = False) -> list[EpisodeFolder]:
    """
    Return the episodes whose task succeeded.

    :param failed: and those that failed, in which a person may have driven well.
    :raises EpisodeError: there is none.
    """
    folders = [each for each in find_episodes(demos) if usable([each]) or (
        failed and each.outcome is Outcome.FAILURE and each.stop_reason != 'fault')]
    if not folders:
        raise EpisodeError(f'{demos} holds no successful episode. Record some: '
                           f'./ilw up record --task {pasteable(task)}.')
    return folders


def scorer(options: TrainOptions, *,
           slower_s: float = 0.0) -> Callable[[Checkpoint], tuple[int, int]] | None:
    """
    Return a function that drives a checkpoint in all tasks: (successes, episodes).

    :param slower_s: each inference takes so much longer; see ``PolicyRunner``.
    """
    if options.env_spec is None:
        return None
    contracts = [each.contract for each in options.by_task()]
    envs = [make_env(options.env_spec, each, plant=options.plant) for each in contracts]
    seeds = range(options.eval_seed, options.eval_seed + options.config.eval_episodes)

    def score(checkpoint: Checkpoint) -> tuple[int, int]:
        runs = [run for env, contract in zip(envs, contracts, strict=True) for run in evaluate(
            env, contract, PolicyRunner(checkpoint.path, contract, own=True, slower_s=slower_s),
            seeds)]
        return sum(run.success for run in runs), len(runs)

    return score


def plain_values(config: TrainConfig) -> dict[str, Any]:
    """Return an algorithm's values as YAML has them."""
    return {name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(config).items()}


def decided_by(options: TrainOptions) -> str:
    """Return what decides about a run beside its values and data: a run goes on with the same."""
    plant = options.plant.text() if options.plant else ''
    begin = f'{options.begin.hash} {options.keep}' if options.begin else ''
    labels = '' if options.labels == 'all' else options.labels
    reward = f' {options.reward.hash}' if options.reward else ''
    tasks = ''.join(f' {each.contract.hash}' for each in options.tasks)
    return (f'{options.env_spec} {options.eval_seed} {options.code} {begin} {plant} {labels}'
            f'{reward}{tasks}')


def provenance(options: TrainOptions, names: tuple[str, ...]) -> dict[str, Any]:
    """Return where a checkpoint comes from; ``names`` are the episodes'."""
    begin = {'from': options.begin.hash, 'before': learned_from(options.begin),
             'keep': options.keep} if options.begin else {}
    labels = {} if options.labels == 'all' else {'labels': options.labels}
    reward = {'reward': options.reward.hash} if options.reward else {}
    *others, last = [each.demos.name for each in options.by_task()]
    if others:
        begin = {**begin, 'before': [*begin.get('before', []), *others]}
    return {**begin, **labels, **reward, 'seed': options.seed, 'episodes': list(names),
            'demos': last, 'git': _git_commit(),
            'plant': options.plant.text() if options.plant else '',
            'torch': str(torch.__version__), 'python': platform.python_version()}


def _git_commit() -> str:
    try:
        done = subprocess.run(['git', 'describe', '--always', '--dirty'], capture_output=True,
                              text=True, check=False, timeout=5.0, cwd=Path(__file__).parent)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout.strip()
