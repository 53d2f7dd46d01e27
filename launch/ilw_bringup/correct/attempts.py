"""Drive and record attempts over running nodes: a policy with a person, or a person alone."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
import uuid

from ilw_bringup.correct.arm_person import ScriptedArmPerson
from ilw_bringup.correct.person_beside import PersonBeside
from ilw_bringup.correct.scripted_person import ScriptedPerson
from ilw_bringup.correct.waiting_for_help import WaitingForHelp
from ilw_bringup.session import DiscardedError, LoopError, Session
from ilw_bringup.start.bringup import NodeSpec, resolve
from ilw_bringup.start.processes import Fleet
from ilw_core.contract.file import Contract
from ilw_core.episode import Source
from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.correction.attempt import CorrectedAttempt, read_attempt
from ilw_sim.arm.tasks import is_arm

_RETRIES = 5
"""It gives up after this many attempts in a row were lost to a fault"""


class Attempts:
    """
    The attempts that belong into one folder.

    Each bears its number in its id, so that what is there already is found again.

    :param folder: receives the episodes, ``<folder>/<task>/...``, and the nodes' logs.
    :param checkpoint: what drives; ``None``: the person alone.
    :param given: arguments of the bring-up ``correct``.
    :param gate: by what the policy asks for help; ``None``: it never does.
    :param wait_s: an attempt in which it asks, and nobody comes for so long, has failed.
    """

    def __init__(self, folder: Path, contract: Contract, checkpoint: Path | None,
                 given: dict[str, object], *, scripted: bool, seed: int,
                 say: Callable[[str], None], gate: Path | None = None,
                 wait_s: float = 20.0) -> None:
        self._folder, self._contract, self._given = folder, contract, given
        self._checkpoint = None if checkpoint is None else str(checkpoint.absolute())
        self._scripted, self._seed, self._say = scripted, seed, say
        self._gate, self._wait_s = gate, wait_s

    @property
    def episodes(self) -> Path:
        """Where they lie."""
        return self._folder / 'episodes' / self._contract.name

    def done(self) -> dict[int, EpisodeFolder]:
        """
        Return what is recorded: number of the attempt -> its episode.

        One that a fault or an interruption cut short is no attempt: it is driven again.
        """
        if not self.episodes.is_dir():
            return {}
        found = {}
        for each in find_episodes(self.episodes):
            number = str(each.meta.get('episode', '')).partition('-')[0]
            if number.isdigit() and each.stop_reason != 'fault':
                found.setdefault(int(number), each)
        return found

    def read(self, episode: EpisodeFolder) -> CorrectedAttempt:
        """Return what one shows; :raises EpisodeError: it does not say who drove."""
        return read_attempt(episode.path, self._contract)

    def person_minutes(self, done: Mapping[int, EpisodeFolder]) -> float:
        """Return how long a person drove in some of them."""
        return sum(self.read(each).person_s for each in done.values()) / 60.0

    def drive(self, worlds: range, progress: Callable[[int], None],
              enough: Callable[[dict[int, EpisodeFolder]], bool] = lambda done: False) -> None:
        """
        Record what is not there yet: attempt i in the i-th world.

        :param progress: called with how many are there.
        :param enough: tells whether to stop before the last.
        """
        done = self.done()
        if len(done) >= len(worlds) or enough(done):
            return
        with self._running() as (session, person):
            lost, fresh = 0, self._scripted
            while (number := _next(done, len(worlds))) is not None and not enough(done):
                try:
                    if person is not None:
                        person.begin(worlds[number])
                    if self._checkpoint is not None:
                        session.arm(True)
                    if fresh:
                        session.wait_for_driver(
                            Source.POLICY if self._checkpoint else Source.PERSON, worlds[number])
                        fresh = False
                    session.drive(worlds[number], record=True, operator=self._operator,
                                  episode=f'{number:03d}-{uuid.uuid4().hex[:8]}')
                    lost = 0
                except DiscardedError as error:
                    self._say(str(error))
                except LoopError as error:
                    lost += 1
                    self._say(f'attempt {number + 1} is lost: {error}')
                    if lost >= _RETRIES:
                        raise
                    session.keep_what_there_is()
                done = self.done()
                progress(len(done))

    @property
    def _operator(self) -> str:
        return 'scripted person' if self._scripted else str(self._given.get('operator', ''))

    @contextmanager
    def _running(self) -> Iterator[tuple[Session, PersonBeside | None]]:
        """Start the nodes, and wait until the policy is loaded."""
        with running(self._nodes(), self._folder / 'log') as session:
            person = _person_of(self._contract)(
                session, self._contract, self._checkpoint, self._seed,
                asked=self._gate is not None) if self._scripted else None
            if self._gate is not None:
                WaitingForHelp(session, self._wait_s, self._say)
            if self._checkpoint is not None:
                session.wait_for_policy(load_checkpoint(Path(self._checkpoint)).hash)
            yield session, person

    def _nodes(self) -> list[NodeSpec]:
        """Return the nodes of the bring-up ``correct``; worlds change when a session says so."""
        given = {**self._given, 'demos': str(self._folder / 'episodes')}
        if self._checkpoint is not None:
            given |= {'checkpoint': self._checkpoint,
                      'checkpoints': str(Path(self._checkpoint).parent)}
        if self._scripted:
            given['input'] = 'external'
        bringup, values = resolve('correct', given)
        more: dict[str, dict[str, object]] = {'sim': {'auto_reset': False}}
        if self._gate is not None:
            more['policy'] = {'gate': str(self._gate.absolute())}
        nodes = [replace(spec, parameters={**spec.parameters, **more.get(spec.name, {})})
                 for spec in bringup.nodes(values)]
        unwanted = {'status'} if self._checkpoint is not None else {'status', 'policy'}
        return [spec for spec in nodes if spec.name not in unwanted]


@contextmanager
def running(nodes: list[NodeSpec], log: Path) -> Iterator[Session]:
    """Start nodes, and end them; whoever waits for one that has ended hears its last words."""
    fleet = Fleet(log)

    def still_alive() -> None:
        if dead := fleet.dead():
            words = fleet.last_words(dead[0])
            raise LoopError(f'The node {dead[0]} ended. Its last words: {words or "none"}')

    with fleet, Session(still_alive) as session:
        fleet.start(nodes)
        yield session


def _person_of(contract: Contract) -> type[ScriptedPerson] | type[ScriptedArmPerson]:
    return ScriptedArmPerson if is_arm(contract) else ScriptedPerson


def _next(done: dict[int, EpisodeFolder], count: int) -> int | None:
    """Return the first number that is not done."""
    return next((number for number in range(count) if number not in done), None)
