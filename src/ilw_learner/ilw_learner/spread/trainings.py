"""A training as the command line says it, and several that differ in their seed, spread out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
import os
from pathlib import Path

from ilw_core.base.plant import load_plant
from ilw_core.contract.file import named_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms import ALGORITHMS, Algorithm
from ilw_learner.algorithms.from_file import algorithm_in, digest_of
from ilw_learner.checkpoint.deployed import find_checkpoint
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.rewards.reward_file import load_reward
from ilw_learner.rollout.gym_env import names_gymnasium
from ilw_learner.spread.spread import Spread
from ilw_learner.training.config import load_config
from ilw_learner.training.options import OldDemos, TaskDemos, TrainConfig, TrainOptions
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary
from ilw_learner.training.train import train
from ilw_learner.transfer.old_windows import remembered_demos


@dataclass(frozen=True)
class AskedTraining:
    """Options of ``./ilw train``: plain values, of which another process makes the same."""

    tasks: tuple[str, ...]
    """Contracts by name or path; of several one policy is made"""
    profile: str | None
    demos: Path | None
    config: str | None
    """``None``: the defaults of ``algo_file``"""
    algo_file: Path | None
    begin: str | None
    keep: str
    old_demos: tuple[Path, ...]
    labels: str
    reward_file: Path | None
    seed: int
    env_spec: str
    simulator: str
    plant: str | None
    track: str
    max_demos: int
    eval_seed: int
    without: str
    allow_other_contract: bool


@dataclass(frozen=True)
class ReadyTraining:
    """A training whose options were found to be good."""

    options: TrainOptions
    algorithm: Algorithm
    name: str
    """Of the task, of the tasks together, or of the Gymnasium environment"""
    gymnasium: bool
    """It learns in a Gymnasium environment, without a contract"""

    def run(self, out: Path, on_progress: Callable[[Progress], bool]) -> TrainSummary:
        """Train; see ``training.train.train``."""
        options = replace(self.options, out=out)
        if not self.gymnasium:
            return train(options, on_progress, self.algorithm)
        assert self.algorithm.on_gymnasium is not None
        return self.algorithm.on_gymnasium(self.name, options.config, out, options.seed,
                                           on_progress, track=options.track, say=options.say)


def ready_training(asked: AskedTraining, say: Callable[[str], None]) -> ReadyTraining:
    """
    Return the training that was asked for.

    :raises IlwError: a file is not there or has a mistake, or options do not go together.
    """
    elsewhere = asked.env_spec != 'none' and names_gymnasium(asked.env_spec)
    contract, *others = contracts = [named_contract(each, asked.profile) for each in asked.tasks]
    name = asked.env_spec if elsewhere else '+'.join(each.name for each in contracts)
    algorithm, config, way = _chosen(asked, name)
    if asked.without:
        if not hasattr(config, 'without'):
            raise IlwError(f'{algorithm} sees all that is observed. Leave --without out, or use '
                           f'--algo bc.')
        config = replace(config, without=asked.without)
    if elsewhere and way.on_gymnasium is None:
        raise IlwError(f'{algorithm} learns tasks with a contract only. For the Gymnasium '
                       f'environment {name}: --algo dqn.')
    tasks = tuple(TaskDemos(each, (asked.demos or Path('demos')) / each.name)
                  for each in contracts) if others else ()
    demos = tasks[0].demos if tasks else asked.demos or Path('demos') / contract.name
    begin = None if asked.begin is None else load_checkpoint(
        Path(find_checkpoint(asked.begin, contract.name)))
    old_demos = asked.old_demos
    if asked.keep != 'none' and begin is not None and not old_demos:
        old_demos = remembered_demos(begin, demos)
    options = TrainOptions(
        contract=contract, algorithm=algorithm, config=config, simulator=asked.simulator,
        plant=load_plant(config_file('plants', asked.plant)) if asked.plant else None,
        track=asked.track, demos=demos, out=Path('runs'), seed=asked.seed, begin=begin,
        keep=asked.keep, labels=asked.labels, old_demos=tuple(map(OldDemos, old_demos)),
        reward=None if asked.reward_file is None else load_reward(asked.reward_file, contract),
        env_spec=None if asked.env_spec == 'none' else asked.env_spec,
        eval_seed=asked.eval_seed, allow_other_contract=asked.allow_other_contract,
        max_demos=asked.max_demos, code=digest_of(asked.algo_file) if asked.algo_file else '',
        say=say, tasks=tasks)
    return ReadyTraining(options, way, name, elsewhere)


def _chosen(asked: AskedTraining, task: str) -> tuple[str, TrainConfig, Algorithm]:
    """Return the algorithm's name, its values for a task, and itself."""
    if asked.algo_file is None:
        assert asked.config is not None
        name, config = load_config(config_file('train', asked.config), task)
        return name, config, ALGORITHMS[name]
    name, way = algorithm_in(asked.algo_file)
    if asked.config is None:
        return name, way.config(), way
    _, config = load_config(config_file('train', asked.config), task, {name: way})
    return name, config, way


@dataclass(frozen=True)
class SentTraining:
    """Trainings that differ in their seed alone."""

    asked: AskedTraining
    out: Path
    """Receives a folder ``seed-N`` each"""
    folder: Path
    """That paths are relative to: where the command was called"""


def train_seeds(spread: Spread, asked: AskedTraining, seeds: Sequence[int], out: Path,
                say: Callable[[str], None], done: Callable[[], None] = lambda: None,
                ) -> list[TrainSummary]:
    """
    Train once for each seed, as ``train`` does alone; the summaries in the order of the seeds.

    Every machine must have the folder that this is called in, as a disk they share.

    :param say: told what each training remarked, once it is over.
    :param done: called after each.
    :raises IlwError: a training met one, or a machine has not the folder.
    """
    def come(ended: tuple[TrainSummary, Sequence[str]]) -> None:
        for remark in ended[1]:
            say(f'seed {ended[0].seed}: {remark}')
        done()

    sent = SentTraining(asked, out, Path.cwd())
    return [summary for summary, _ in spread.map(train_one, sent, seeds, come)]


def train_one(sent: SentTraining, seed: int) -> tuple[TrainSummary, list[str]]:
    """Train with one seed; a job of ``train_seeds``: the summary, and what was remarked."""
    try:
        os.chdir(sent.folder)
    except OSError as error:
        raise IlwError(f'{sent.folder} is not on the machine {os.uname().nodename}: a training '
                       f'needs a disk that all machines share. Call it in a folder of one.'
                       ) from error
    said: list[str] = []
    training = ready_training(replace(sent.asked, seed=seed), said.append)
    return training.run(sent.out / f'seed-{seed}', lambda now: True), said


def over_seeds(summaries: Iterable[TrainSummary]) -> str:
    """Return in a line how often trainings succeed that differ in their seed; or nothing."""
    ratios = [each.success_ratio for each in summaries if each.success_ratio is not None]
    if len(ratios) < 2:
        return ''
    return (f'over {len(ratios)} seeds: success {sum(ratios) / len(ratios):.1%} in the mean, '
            f'from {min(ratios):.1%} to {max(ratios):.1%}')
