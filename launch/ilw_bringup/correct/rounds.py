"""
Rounds of corrections: drive and take over, learn, compare, promote or not.

Everything a round finds lies in its folder, stage by stage, so one that was interrupted goes on
where it was: an episode counts once, a training and a comparison go on by themselves. Each round
compares from starts of its own: over many rounds, always the same ones would be learned by heart
by what was promoted on them. The first starts of a run's range are left for a last judgement.
"""

from collections.abc import Callable
import json
from pathlib import Path

from ilw_bringup.correct.attempts import Attempts
from ilw_bringup.correct.lessons import CorrectOptions, Lessons
from ilw_core.errors import IlwError
from ilw_core.storage.files import json_text, read_json, write_file
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.checkpoint.promotion import PairEvidence, judge_against
from ilw_learner.correction.attempt import CorrectedAttempt
from ilw_learner.correction.page import Walls, write_page
from ilw_learner.correction.round_record import RoundRecord, Taught
from ilw_learner.rollout.trial_log import TrialLog
from ilw_sim.arm.tasks import is_arm
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.counterfactual import outlines

_MAX_JSON_BYTES = 10_000_000
_RECORD = 'round.json'


class Rounds:
    """
    Rounds in one folder, ``out``; what is finished in it is not done again.

    :param make_attempts: drives and reads attempts; called with the arguments of ``Attempts``.
    :raises IlwError: the policy cannot be corrected here; says what to do.
    """

    def __init__(self, options: CorrectOptions,
                 make_attempts: Callable[..., Attempts] = Attempts) -> None:
        self.options, self._lessons = options, Lessons(options, make_attempts)
        self._keep_to(options)

    def run(self) -> list[RoundRecord]:
        """Do what is not done yet; a page is written after each round."""
        options = self.options
        driver = standing = options.checkpoint
        records = list[RoundRecord]()
        for number in range(1, options.rounds + 1):
            folder = options.out / f'round-{number}'
            path = folder / _RECORD
            if path.is_file():
                record = RoundRecord.from_json(read_json(path, _MAX_JSON_BYTES))
            else:
                record = self._round(number, folder, driver, standing)
                folder.mkdir(parents=True, exist_ok=True)
                write_file(path, json_text(record.as_json(), indent=2) + '\n')
                write_page(folder / 'round.html', record, options.contract,
                           self._walls(number, record))
            records.append(record)
            driver, standing = Path(record.next_driver), Path(record.checkpoint)
        return records

    def _round(self, number: int, folder: Path, driver: Path, standing: Path) -> RoundRecord:
        options = self.options
        before = [options.demos, *(
            self._lessons.attempts(options.out / f'round-{k}' / 'corrections', None).episodes
            for k in range(1, number))]
        gate = self._lessons.gate(number, folder / 'gate', before, driver,
                                  f'round {number}: gate')
        corrected = self._lessons.attempts(folder / 'corrections', driver, gate)
        what = f'round {number}: attempts'
        corrected.drive(self._lessons.worlds(number),
                        lambda done: options.progress(what, done, options.attempts))
        attempts = self._read(corrected)
        minutes = sum(each.person_s for each in attempts) / 60.0
        _check_corrected(attempts, options, number, driver)
        learned = self._lessons.learn(number, folder / 'training', corrected.episodes, before,
                                      driver, f'round {number}: training')
        compared = self._lessons.compare(number, folder / 'trials.jsonl', standing, learned,
                                         f'round {number}: comparison')
        verdict = judge_against(compared.counts(options.episodes))
        assert isinstance(verdict.evidence, PairEvidence)
        return RoundRecord(
            number=number, task=options.contract.name, labels=options.labels,
            begun_with=str(driver), standing=str(standing), attempts=tuple(attempts),
            corrections=self._taught(learned, minutes, len(attempts), compared),
            fresh=self._fresh(number, folder, driver, standing, before, minutes, compared),
            promoted=verdict.allowed, worse=verdict.evidence.difference95[1] < 0.0,
            verdict=verdict.text, budget=options.budget)

    def _walls(self, number: int, record: RoundRecord) -> Walls:
        """
        Return what stood where somebody took over; attempt i was in the i-th world.

        Nothing stands in the way of an arm.
        """
        if is_arm(self.options.contract):
            return {}
        taken = {each.episode: world for each, world in zip(
            record.attempts, self._lessons.worlds(number), strict=False) if each.places}
        scenes = make_scenes(self.options.contract, list(taken.values()))
        return {episode: list(outlines(scene).values())
                for episode, scene in zip(taken, scenes, strict=True)}

    def _read(self, attempts: Attempts) -> list[CorrectedAttempt]:
        done = attempts.done()
        return [attempts.read(done[number])
                for number in sorted(done)[:self.options.attempts]]

    def _taught(self, checkpoint: Path, minutes: float, episodes: int, log: TrialLog) -> Taught:
        counts = log.counts(self.options.episodes)
        return Taught(str(checkpoint), round(minutes, 3), episodes,
                      before=counts.both + counts.only_first,
                      after=counts.both + counts.only_second, n=counts.n)

    def _fresh(self, number: int, folder: Path, driver: Path, standing: Path,
               before: list[Path], minutes: float, known: TrialLog) -> Taught | None:
        """Learn from demonstrations that take a person as long, in the worlds of the attempts."""
        options = self.options
        if not options.fresh:
            return None
        demonstrated = self._lessons.demonstrate(number, folder / 'fresh', minutes,
                                                 f'round {number}: demonstrations')
        learned = self._lessons.learn(
            number, folder / 'training-fresh', demonstrated.episodes, before, driver,
            f'round {number}: training beside')
        log = self._lessons.compare(number, folder / 'trials-fresh.jsonl', standing, learned,
                                    f'round {number}: comparison beside', known)
        done = demonstrated.done()
        return self._taught(learned, demonstrated.person_minutes(done), len(done), log)

    def _keep_to(self, options: CorrectOptions) -> None:
        """Hold a folder to what its rounds are made of; :raises IlwError: they are others."""
        file = options.out / 'correct.json'
        wanted = {'task': options.contract.name, 'contract': options.contract.hash,
                  'checkpoint': load_checkpoint(options.checkpoint).hash, 'seed': options.seed,
                  'labels': options.labels, 'scripted': options.scripted,
                  'attempts': options.attempts, 'episodes': options.episodes,
                  'fresh': options.fresh}
        if options.budget is not None:
            wanted |= {'gate': 'robot', 'budget': options.budget}
        if file.is_file():
            found = read_json(file, _MAX_JSON_BYTES)
            if found != wanted:
                other = next(k for k in [*wanted, *found] if found.get(k) != wanted.get(k))
                raise IlwError(f'{options.out} holds rounds with another {other} '
                               f'({json.dumps(found.get(other))}, not '
                               f'{json.dumps(wanted.get(other))}). Go on with what they were '
                               f'begun with, or name another folder with --out.')
            return
        options.out.mkdir(parents=True, exist_ok=True)
        write_file(file, json_text(wanted, indent=2) + '\n')


def _check_corrected(attempts: list[CorrectedAttempt], options: CorrectOptions, number: int,
                     checkpoint: Path) -> None:
    if not any(each.teaches(options.labels) for each in attempts):
        more = '' if options.budget is None else ', a larger --budget'
        raise IlwError(
            f'Round {number}: nobody took over in any of its {len(attempts)} attempts to learn '
            f'from, so there is nothing to learn. Compare this policy as it is (./ilw eval '
            f'{checkpoint}), or start again with more --attempts{more} and another --out.')
