"""
Drive attempts, learn from them, compare with what drove: the stages of a round, each by itself.

A stage that was interrupted goes on where it was: an attempt counts once, a training and a
comparison go on by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ilw_bringup.correct.attempts import Attempts
from ilw_core import world_seeds
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.asking.learn import learn_gate
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.rollout.compare import drive_pairs
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.rollout.trial_log import NAMES, TrialLog
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.options import OldDemos, TrainConfig, TrainOptions, find_demonstrations
from ilw_learner.training.summary import TrainSummary
from ilw_learner.training.train import train

_PER_ROUND = 1000
"""Worlds set apart for a round, to drive in and to choose a checkpoint in"""
_TRIES = 40
"""Drives of a policy alone from which its gate learns"""


@dataclass(frozen=True)
class CorrectOptions:
    """What ``./ilw correct`` can be told."""

    contract: Contract
    task: str
    """As nodes name the contract: in config/tasks, or a path"""
    checkpoint: Path
    demos: Path
    """Episodes that the policy has learned from"""
    out: Path
    algorithm: str
    config: TrainConfig
    rounds: int = 3
    attempts: int = 20
    """Per round"""
    episodes: int = 100
    """Starts that the new policy is compared on with the one before"""
    labels: str = 'weighted'
    budget: float | None = None
    """Most requests for help by step of the policy, which asks; ``None``: a person decides"""
    wait_s: float = 20.0
    """An attempt in which the policy asks, and nobody comes for so long, has failed [s]"""
    scripted: bool = False
    """A scripted person instead of one with a pad"""
    fresh: bool = False
    """Learn from as many minutes of demonstrations, too, to compare; needs a scripted person"""
    seed: int = 0
    env_spec: str | None = 'ilw_sim.env:make_env'
    """``None``: nothing simulates the task, so checkpoints are chosen by held-out loss"""
    given: dict[str, Any] = field(default_factory=dict)
    """Arguments of the bring-up ``correct``"""
    say: Callable[[str], None] = field(default=lambda text: None)
    progress: Callable[[str, int, int], None] = field(default=lambda what, done, total: None)


class Lessons:
    """
    The stages of the rounds in one folder.

    :param make_attempts: drives and reads attempts; called with the arguments of ``Attempts``.
    :param simulated: attempts and comparisons need worlds of a simulator.
    :raises IlwError: the policy cannot be corrected here; says what to do.
    """

    def __init__(self, options: CorrectOptions,
                 make_attempts: Callable[..., Attempts] = Attempts, *,
                 simulated: bool = True) -> None:
        self._options, self._make_attempts = options, make_attempts
        self._base_seed = options.seed * world_seeds.PER_RUN
        _check(options, simulated)

    def worlds(self, number: int) -> range:
        """Return the worlds of a round's attempts."""
        first = self._base_seed + world_seeds.CORRECT + number * _PER_ROUND
        return range(first, first + self._options.attempts)

    def attempts(self, folder: Path, checkpoint: Path | None,
                 gate: Path | None = None) -> Attempts:
        """
        Return the attempts of a policy in a folder; ``None``: of the person alone.

        :param gate: by which it asks for help; ``None``: it never does.
        """
        options = self._options
        return self._make_attempts(
            folder, options.contract, checkpoint, {'task': options.task, **options.given},
            scripted=options.scripted, seed=options.seed, say=options.say, gate=gate,
            wait_s=options.wait_s)

    def gate(self, number: int, out: Path, before: list[Path], driver: Path,
             what: str) -> Path | None:
        """
        Return by what ``driver`` asks for help in a round, learned in ``out``; ``None``: it never
        does.

        :param before: folders of what was learned before.
        """
        options = self._options
        if options.budget is None:
            return None
        demos, *corrections = before
        first = self._base_seed + world_seeds.TRY + number * _TRIES
        return learn_gate(TrainOptions(
            contract=options.contract, algorithm=options.algorithm, config=options.config,
            demos=demos, more_demos=tuple(corrections), out=out, seed=options.seed,
            labels=options.labels, env_spec=options.env_spec, say=options.say), driver, out,
            tries=range(first, first + _TRIES), budget=options.budget,
            progress=lambda done, total: options.progress(what, done, total))

    def demonstrate(self, number: int, folder: Path, minutes: float, what: str) -> Attempts:
        """Have a person demonstrate for so many minutes, in the worlds of a round's attempts."""
        demonstrated = self.attempts(folder, None)
        demonstrated.drive(
            self.worlds(number),
            lambda done: self._options.progress(what, done, self._options.attempts),
            enough=lambda done: demonstrated.person_minutes(done) >= minutes)
        return demonstrated

    def learn(self, number: int, out: Path, demos: Path, before: list[Path], begin: Path,
              what: str) -> Path:
        """
        Return a policy that goes on from another, by what was recorded since.

        :param out: of the training; one that is finished in it is only read.
        :param before: folders of what was learned before: the demonstrations, which are replayed,
            and corrections, which are learned like those in ``demos``.
        :param what: the stage, for the progress.
        """
        options = self._options
        if finished := TrainSummary.of(out):
            return Path(finished.checkpoint)

        def show(now: Any) -> bool:
            options.progress(what, now.update, now.updates)
            return True

        demonstrations, *corrections = before
        summary = train(TrainOptions(
            contract=options.contract, algorithm=options.algorithm, config=options.config,
            demos=demos, more_demos=tuple(corrections), out=out, seed=options.seed,
            begin=load_checkpoint(begin), keep='replay', old_demos=(OldDemos(demonstrations),),
            labels=options.labels,
            env_spec=options.env_spec, say=options.say,
            eval_seed=self._base_seed + world_seeds.CHOOSE + (number - 1) * _PER_ROUND), show)
        return Path(summary.checkpoint)

    def compare(self, number: int, file: Path, before: Path, after: Path, what: str,
                known: TrialLog | None = None) -> TrialLog:
        """
        Drive both policies from the same starts, which are those of this round only.

        :param known: trials of ``before`` from these starts, not to be driven again.
        """
        options, contract = self._options, self._options.contract
        assert options.env_spec is not None, 'a robot compares by trials'
        runners = (PolicyRunner(before, contract), PolicyRunner(after, contract))
        seed = self._base_seed + world_seeds.SCORE + number * options.episodes
        header = {'task': contract.name, 'contract': contract.hash,
                  'policies': [runner.name for runner in runners], 'where': options.env_spec,
                  'seed': seed}
        with TrialLog(file, header) as log:
            for pair in range(options.episodes) if known is not None else ():
                if (pair, NAMES[0]) not in log.trials:
                    log.add(known.trials[pair, NAMES[0]])
            drive_pairs(make_env(options.env_spec, contract), contract, runners, options.episodes,
                        seed, log, lambda done: options.progress(what, done, options.episodes))
        return log


def _check(options: CorrectOptions, simulated: bool) -> None:
    room = world_seeds.PER_RUN - world_seeds.SCORE
    if simulated and (options.rounds + 1) * options.episodes > room:
        raise IlwError(f'Each round compares from starts of its own, of which a run has {room}: '
                       f'--rounds {options.rounds} with --episodes {options.episodes} are too '
                       f'many. Lower one of them.')
    contract, checkpoint = options.contract, load_checkpoint(options.checkpoint, options.contract)
    family = str(checkpoint.card.get('algorithm'))
    able = [name for name, each in ALGORITHMS.items() if each.begins and each.demonstrated]
    if family not in able or family != options.algorithm:
        raise IlwError(f'{options.checkpoint} was trained by {family}, which cannot go on from '
                       f'corrections. Train a policy that can: ./ilw train --algo {able[0]}.')
    if simulated and not contract.scene:
        raise IlwError(f'{contract.name} has no scene, so there is no simulator to correct it in. '
                       f'On a robot: ./ilw up correct --robot real, then ./ilw train --from '
                       f'CHECKPOINT --keep replay --labels {options.labels}.')
    find_demonstrations(options.demos, contract.name)  # before anybody drives
