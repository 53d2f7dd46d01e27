"""Drive, learn and compare for an improvement on a robot: a person begins, corrects and marks."""

from collections.abc import Callable
from functools import partial
import math
from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from ilw_bringup.correct.attempts import Attempts, running
from ilw_bringup.correct.lessons import CorrectOptions, Lessons
from ilw_bringup.improve.simulated import SimulatedStages
from ilw_bringup.robot_trials import RobotTrials
from ilw_bringup.session import LoopError, Session
from ilw_bringup.start.bringup import resolve
from ilw_core.scores.paired import PairCounts
from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.rollout.trial_log import NAMES, TrialLog
from ilw_msgs.msg import EpisodeStatus

LEARN_NOW = 'improve/learn'
"""Service (``std_srvs/Trigger``) that ends the round after the episode that is being driven"""
_BUSY = (EpisodeStatus.PHASE_RECORDING, EpisodeStatus.PHASE_SAVING)


class RobotAttempts(Attempts):
    """
    Attempts that a person begins and ends with the pad, one after the other.

    The policy is armed when the recording begins, and disarmed when it ends.

    :param ask_to_learn: called when somebody asks for the round to end.
    """

    def __init__(self, *args: Any, ask_to_learn: Callable[[], None], **named: Any) -> None:
        super().__init__(*args, **named)
        self._ask_to_learn = ask_to_learn

    def done(self) -> dict[int, EpisodeFolder]:
        """Return what is recorded to its end, in order: the person gives no numbers."""
        if not self.episodes.is_dir():
            return {}
        found = sorted((each for each in find_episodes(self.episodes)
                        if each.stop_reason != 'fault'), key=lambda each: each.path.name)
        return dict(enumerate(found))

    def drive(self, worlds: range, progress: Callable[[int], None],
              enough: Callable[[dict[int, EpisodeFolder]], bool] = lambda done: False) -> None:
        """
        Have the person begin attempts until enough.

        :param worlds: only its length counts: the most there may be.
        :raises LoopError: a node ended.
        """
        if len(done := self.done()) >= len(worlds) or enough(done):
            return
        with self._running() as (session, _):
            session.serve(Trigger, LEARN_NOW, self._on_learn)
            try:
                while len(done) < len(worlds) and not enough(done):
                    self._one(session, len(done) + 1)
                    done = self.done()
                    progress(len(done))
            finally:
                session.arm(False)

    def _on_learn(self, _request: Any, response: Any) -> Any:
        self._ask_to_learn()
        response.success = True
        response.message = 'The round ends after this episode, once enough of them count.'
        return response

    def _one(self, session: Session, number: int) -> None:
        """Wait for the person to begin, let the policy drive, and wait for the end."""
        def busy() -> bool:
            return session.status is not None and session.status.phase in _BUSY

        def records() -> bool:
            assert session.status is not None
            return bool(session.status.phase == EpisodeStatus.PHASE_RECORDING)

        session.arm(False)
        self._say(f'Episode {number}: put the robot at a start, then press start.')
        session.wait_for(busy, math.inf, 'a person')
        try:
            session.arm(True)
        except LoopError as error:
            self._say(f'{error} Discard the episode, put that right, and begin again.')
        session.wait_for(lambda: not records(), math.inf, 'a person')
        session.arm(False)  # before the recording is saved: what is over is not driven on
        session.wait_for(lambda: not busy(), math.inf, 'the recorder')


class RobotStages(SimulatedStages):
    """
    What ``Stages`` asks for, on a robot; training is the same, and its folders are.

    :param options: ``given`` names the robot; ``episodes`` are pairs of blind trials.
    """

    def __init__(self, options: CorrectOptions, every: int) -> None:
        super().__init__(options, every, Lessons(
            options, partial(RobotAttempts, ask_to_learn=self._on_asked), simulated=False))
        self._asked = False

    def asked(self) -> bool:
        """Tell whether somebody wants the round to end now."""
        return self._asked

    def _on_asked(self) -> None:
        self._asked = True

    def teaches(self, number: int) -> bool:
        """Tell whether there is anything to learn; the round that somebody asked to end has."""
        self._asked = False
        return super().teaches(number)

    def compare(self, number: int, deployed: Path, candidate: Path) -> PairCounts:
        """Have both drive from the same starts, in an order nobody knows; a person marks them."""
        options, contract = self._options, self._options.contract
        loaded = [load_checkpoint(each, contract) for each in (deployed, candidate)]
        header = {'task': contract.name, 'contract': contract.hash,
                  'policies': [each.hash for each in loaded], 'where': 'robot'}
        file = self._round(number) / f'trials-{deployed.name}.jsonl'
        with TrialLog(file, header) as log:
            if len(log.trials) < 2 * options.episodes:
                bringup, values = resolve('deploy', {
                    'task': options.task, **{name: value for name, value in options.given.items()
                                             if name != 'operator'},
                    'checkpoint': str(deployed.absolute()), 'enable_output': True,
                    'checkpoints': f'{deployed.absolute().parent}:{candidate.absolute().parent}'})
                nodes = [spec for spec in bringup.nodes(values) if spec.name != 'status']
                with running(nodes, self._round(number) / 'log-comparison') as session:
                    RobotTrials(session, contract, {
                        name: str(each.path) for name, each in zip(NAMES, loaded, strict=True)},
                        log, options.say).run(options.episodes)
        return log.counts(options.episodes)
