"""
Rounds of corrections: drive and take over, learn, compare, promote or not.

Everything a round finds lies in its folder, stage by stage, so one that was interrupted goes on
where it was: an episode counts once, a training and a comparison go on by themselves. Each round
compares from starts of its own: over many rounds, always the same ones would be learned by heart
by what was promoted on them. The first starts of a run's range are left for a last judgement.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any

from ilw_bringup.correct.attempts import Attempts
from ilw_core import world_seeds
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_core.storage.files import json_text, read_json, write_file
from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.checkpoint.promotion import judge_against
from ilw_learner.correction.attempt import CorrectedAttempt
from ilw_learner.correction.page import Walls, write_page
from ilw_learner.correction.round_record import RoundRecord, Taught
from ilw_learner.rollout.compare import drive_pairs
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.rollout.trial_log import NAMES, TrialLog
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.options import OldDemos, TrainConfig, TrainOptions, find_demonstrations
from ilw_learner.training.summary import TrainSummary
from ilw_learner.training.train import train
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.counterfactual import outlines

_PER_ROUND = 1000
"""Worlds set apart for a round, to drive in and to choose a checkpoint in"""
_MAX_JSON_BYTES = 10_000_000
_RECORD = 'round.json'


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
    labels: str = 'person'
    scripted: bool = False
    """A scripted person instead of one with a pad"""
    fresh: bool = False
    """Learn from as many minutes of demonstrations, too, to compare; needs a scripted person"""
    seed: int = 0
    env_spec: str = 'ilw_sim.env:make_env'
    given: dict[str, Any] = field(default_factory=dict)
    """Arguments of the bring-up ``correct``"""
    say: Callable[[str], None] = field(default=lambda text: None)
    progress: Callable[[str, int, int], None] = field(default=lambda what, done, total: None)


class Rounds:
    """
    Rounds in one folder, ``out``; what is finished in it is not done again.

    :param make_attempts: drives and reads attempts; called with the arguments of ``Attempts``.
    :raises IlwError: the policy cannot be corrected here; says what to do.
    """

    def __init__(self, options: CorrectOptions,
                 make_attempts: Callable[..., Attempts] = Attempts) -> None:
        self.options, self._make_attempts = options, make_attempts
        self._base_seed = options.seed * world_seeds.PER_RUN
        _check(options)
        self._keep_to(options)

    def run(self) -> list[RoundRecord]:
        """Do what is not done yet; a page is written after each round."""
        options = self.options
        checkpoint, records = options.checkpoint, list[RoundRecord]()
        for number in range(1, options.rounds + 1):
            folder = options.out / f'round-{number}'
            path = folder / _RECORD
            if path.is_file():
                record = RoundRecord.from_json(read_json(path, _MAX_JSON_BYTES))
            else:
                record = self._round(number, folder, checkpoint)
                folder.mkdir(parents=True, exist_ok=True)
                write_file(path, json_text(record.as_json(), indent=2) + '\n')
                write_page(folder / 'round.html', record, options.contract,
                           self._walls(number, record))
            records.append(record)
            checkpoint = Path(record.checkpoint)
        return records

    def _round(self, number: int, folder: Path, checkpoint: Path) -> RoundRecord:
        options = self.options
        corrected = self._attempts(folder / 'corrections', checkpoint)
        what = f'round {number}: attempts'
        corrected.drive(self._worlds(number),
                        lambda done: options.progress(what, done, options.attempts))
        attempts = self._read(corrected)
        minutes = sum(each.person_s for each in attempts) / 60.0
        _check_corrected(attempts, options.labels, number, checkpoint)
        before = [options.demos, *(
            self._attempts(options.out / f'round-{k}' / 'corrections', None).episodes
            for k in range(1, number))]
        learned = self._learn(number, folder / 'training', corrected.episodes, before, checkpoint,
                              f'round {number}: training')
        compared = self._compare(number, folder / 'trials.jsonl', checkpoint, learned,
                                 f'round {number}: comparison')
        verdict = judge_against(compared.counts(options.episodes))
        return RoundRecord(
            number=number, task=options.contract.name, labels=options.labels,
            begun_with=str(checkpoint), attempts=tuple(attempts),
            corrections=self._taught(learned, minutes, len(attempts), compared),
            fresh=self._fresh(number, folder, checkpoint, before, minutes, compared),
            promoted=verdict.allowed, verdict=verdict.text)

    def _worlds(self, number: int) -> range:
        """Return the worlds of a round's attempts."""
        first = self._base_seed + world_seeds.CORRECT + number * _PER_ROUND
        return range(first, first + self.options.attempts)

    def _walls(self, number: int, record: RoundRecord) -> Walls:
        """Return what stood where somebody took over; attempt i was in the i-th world."""
        taken = {each.episode: world for each, world in zip(
            record.attempts, self._worlds(number), strict=False) if each.places}
        scenes = make_scenes(self.options.contract, list(taken.values()))
        return {episode: list(outlines(scene).values())
                for episode, scene in zip(taken, scenes, strict=True)}

    def _attempts(self, folder: Path, checkpoint: Path | None) -> Attempts:
        options = self.options
        return self._make_attempts(
            folder, options.contract, checkpoint, {'task': options.task, **options.given},
            scripted=options.scripted, seed=options.seed, say=options.say)

    def _read(self, attempts: Attempts) -> list[CorrectedAttempt]:
        done = attempts.done()
        return [attempts.read(done[number])
                for number in sorted(done)[:self.options.attempts]]

    def _learn(self, number: int, out: Path, demos: Path, before: list[Path], begin: Path,
               what: str) -> Path:
        options = self.options
        finished = out / 'training.json'
        if finished.is_file():
            return Path(TrainSummary.from_json(read_json(finished, _MAX_JSON_BYTES)).checkpoint)

        def show(now: Any) -> bool:
            options.progress(what, now.update, now.updates)
            return True

        summary = train(TrainOptions(
            contract=options.contract, algorithm=options.algorithm, config=options.config,
            demos=demos, out=out, seed=options.seed, begin=load_checkpoint(begin),
            keep='replay', old_demos=tuple(map(OldDemos, before)), labels=options.labels,
            env_spec=options.env_spec, say=options.say,
            eval_seed=self._base_seed + world_seeds.CHOOSE + (number - 1) * _PER_ROUND), show)
        return Path(summary.checkpoint)

    def _compare(self, number: int, file: Path, before: Path, after: Path, what: str,
                 known: TrialLog | None = None) -> TrialLog:
        """
        Drive both policies from the same starts, which are those of this round only.

        :param known: trials of ``before`` from these starts, not to be driven again.
        """
        options, contract = self.options, self.options.contract
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

    def _taught(self, checkpoint: Path, minutes: float, episodes: int, log: TrialLog) -> Taught:
        counts = log.counts(self.options.episodes)
        return Taught(str(checkpoint), round(minutes, 3), episodes,
                      before=counts.both + counts.only_first,
                      after=counts.both + counts.only_second, n=counts.n)

    def _fresh(self, number: int, folder: Path, checkpoint: Path, before: list[Path],
               minutes: float, known: TrialLog) -> Taught | None:
        """Learn from demonstrations that take a person as long, in the worlds of the attempts."""
        options = self.options
        if not options.fresh:
            return None
        demonstrated = self._attempts(folder / 'fresh', None)

        def driven(done: Any) -> float:
            return sum(demonstrated.read(each).person_s for each in done.values()) / 60.0

        demonstrated.drive(self._worlds(number),
                           lambda done: options.progress(f'round {number}: demonstrations', done,
                                                         options.attempts),
                           enough=lambda done: driven(done) >= minutes)
        learned = self._learn(number, folder / 'training-fresh', demonstrated.episodes, before,
                              checkpoint, f'round {number}: training beside')
        log = self._compare(number, folder / 'trials-fresh.jsonl', checkpoint, learned,
                            f'round {number}: comparison beside', known)
        done = demonstrated.done()
        return self._taught(learned, driven(done), len(done), log)

    def _keep_to(self, options: CorrectOptions) -> None:
        """Hold a folder to what its rounds are made of; :raises IlwError: they are others."""
        file = options.out / 'correct.json'
        wanted = {'task': options.contract.name, 'contract': options.contract.hash,
                  'checkpoint': load_checkpoint(options.checkpoint).hash, 'seed': options.seed,
                  'labels': options.labels, 'scripted': options.scripted,
                  'attempts': options.attempts, 'episodes': options.episodes,
                  'fresh': options.fresh}
        if file.is_file():
            found = read_json(file, _MAX_JSON_BYTES)
            if found != wanted:
                other = next(k for k in wanted if found.get(k) != wanted[k])
                raise IlwError(f'{options.out} holds rounds with another {other} '
                               f'({json.dumps(found.get(other))}, not '
                               f'{json.dumps(wanted[other])}). Go on with what they were begun '
                               f'with, or name another folder with --out.')
            return
        options.out.mkdir(parents=True, exist_ok=True)
        write_file(file, json_text(wanted, indent=2) + '\n')


def _check(options: CorrectOptions) -> None:
    room = world_seeds.PER_RUN - world_seeds.SCORE
    if (options.rounds + 1) * options.episodes > room:
        raise IlwError(f'Each round compares from starts of its own, of which a run has {room}: '
                       f'--rounds {options.rounds} with --episodes {options.episodes} are too '
                       f'many. Lower one of them.')
    contract, checkpoint = options.contract, load_checkpoint(options.checkpoint, options.contract)
    family = str(checkpoint.card.get('algorithm'))
    able = [name for name, each in ALGORITHMS.items() if each.begins and each.demonstrated]
    if family not in able or family != options.algorithm:
        raise IlwError(f'{options.checkpoint} was trained by {family}, which cannot go on from '
                       f'corrections. Train a policy that can: ./ilw train --algo {able[0]}.')
    if not contract.scene:
        raise IlwError(f'{contract.name} has no scene, so there is no simulator to correct it in. '
                       f'On a robot: ./ilw up correct --robot real, then ./ilw train --from '
                       f'CHECKPOINT --keep replay --labels {options.labels}.')
    find_demonstrations(options.demos, contract.name)  # before anybody drives


def _check_corrected(attempts: list[CorrectedAttempt], labels: str, number: int,
                     checkpoint: Path) -> None:
    if not any(each.person_steps for each in attempts if each.success or labels == 'person'):
        raise IlwError(
            f'Round {number}: nobody took over in any of its {len(attempts)} attempts to learn '
            f'from, so there is nothing to learn. Compare this policy as it is (./ilw eval '
            f'{checkpoint}), or start again with more --attempts and another --out.')
