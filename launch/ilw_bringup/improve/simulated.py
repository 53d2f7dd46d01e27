"""Drive, learn and compare for an improvement, by the stages of ``./ilw correct``."""

from collections.abc import Callable, Container, Sequence
from pathlib import Path

from ilw_bringup.correct.lessons import CorrectOptions, Lessons
from ilw_core.episode import Outcome
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.scores.paired import PairCounts
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_learner.improvement.stages import RealEpisode


class SimulatedStages:
    """
    What ``Stages`` asks for, in the simulator; what is done already lies in ``options.out``.

    Attempts are kept by round and policy (``round-1/corrections/<policy>``): after a rollback,
    two have driven in one round.

    :param options: ``attempts`` bounds those of one policy in a round.
    :param every: episodes that a round is to have; only shown.
    :raises IlwError: the policy cannot be corrected here; says what to do.
    """

    def __init__(self, options: CorrectOptions, every: int,
                 lessons: Lessons | None = None) -> None:
        self._options, self._every = options, every
        self._lessons = lessons or Lessons(options)

    def drive(self, number: int, checkpoint: Path, enough: Callable[[], bool]) -> None:
        """
        Have a policy drive, episode by episode, until enough.

        :raises IlwError: no worlds are left for it in this round.
        """
        options = self._options
        attempts = self._lessons.attempts(self._corrections(number) / checkpoint.name, checkpoint)
        worlds = self._lessons.worlds(number)
        attempts.drive(
            worlds, lambda done: options.progress(f'round {number}: episodes', done,
                                                  max(done, self._every)),
            enough=lambda done: enough())
        if len(attempts.done()) >= len(worlds) and not enough():
            raise IlwError(f'Round {number} has no worlds left: {checkpoint.name} drove in all '
                           f'{len(worlds)}, and too few episodes count. See why with ./ilw '
                           f'episodes list {attempts.episodes}.')

    def episodes(self, number: int, known: Container[str]) -> Sequence[RealEpisode]:
        """Return what a round recorded, without those known by id."""
        found = []
        for policy in self._policies(number):
            done = self._lessons.attempts(self._corrections(number) / policy, None).done()
            found += [(each, policy) for each in done.values() if _id(each) not in known]
        found.sort(key=lambda pair: pair[0].path.name)  # named by the time
        return [self._seen(number, policy, each) for each, policy in found]

    def teaches(self, number: int) -> bool:
        """Tell whether a person took over in an episode to learn from."""
        return any(each.taught for each in self.episodes(number, ()))

    def learn(self, number: int, begin: Path, before: Sequence[int]) -> Path:
        """Return a policy learned from a round, and as much from demonstrations and before."""
        earlier = [self._options.demos, *(
            self._corrections(each) for each in before if self.teaches(each))]
        return self._lessons.learn(
            number, self._round(number) / f'training-{begin.name}', self._corrections(number),
            earlier, begin, f'round {number}: training')

    def compare(self, number: int, deployed: Path, candidate: Path) -> PairCounts:
        """Drive both from the same starts, which no other round has."""
        log = self._lessons.compare(
            number, self._round(number) / f'trials-{deployed.name}.jsonl', deployed, candidate,
            f'round {number}: comparison')
        return log.counts(self._options.episodes)

    def _round(self, number: int) -> Path:
        return self._options.out / f'round-{number}'

    def _corrections(self, number: int) -> Path:
        return self._round(number) / 'corrections'

    def _policies(self, number: int) -> list[str]:
        """Return the names of the policies that drove in a round."""
        folder = self._corrections(number)
        return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []

    def _seen(self, number: int, policy: str, episode: EpisodeFolder) -> RealEpisode:
        """Return what counts of an episode; nothing does where nobody can tell who drove."""
        attempts = self._lessons.attempts(self._corrections(number) / policy, None)
        try:
            attempt = attempts.read(episode)
        except EpisodeError as error:
            self._options.say(f'does not count: {error}')
            return RealEpisode(_id(episode), policy, None, 0, False, episode.stop_reason)
        alone = attempt.success and not attempt.person_steps
        return RealEpisode(
            _id(episode), policy, None if episode.outcome is Outcome.UNKNOWN else alone,
            attempt.takeovers, attempt.teaches(self._options.labels), attempt.stop_reason)


def _id(episode: EpisodeFolder) -> str:
    return str(episode.meta.get('episode', episode.path.name))
