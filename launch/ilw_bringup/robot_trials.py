"""Trials on a robot: two policies take turns in an order nobody knows, a person marks the end."""

from collections.abc import Callable
import math
from pathlib import Path
import random
import time

from ilw_bringup.session import LoopError, Session
from ilw_core.contract.file import Contract
from ilw_core.episode import Outcome
from ilw_learner.rollout.trial_log import NAMES, Trial, TrialLog
from ilw_learner.runtime.runner import BASELINES
from ilw_msgs.msg import EpisodeEvent
from ilw_ros.qos import EVENT

_MACHINES = ('sim', 'arbiter')
"""Senders of events that are no person"""
_BLIND = random.SystemRandom()


class RobotTrials:
    """
    Loads, arms and disarms the policies of a running ``deploy``.

    :param checkpoints: name (``P0``, ``P1``) -> checkpoint folder, or a baseline.
    :param say: shows a line to the person; never which policy drives.
    :param rng: orders each pair.
    """

    def __init__(self, session: Session, contract: Contract, checkpoints: dict[str, str],
                 log: TrialLog, say: Callable[[str], None],
                 rng: random.Random = _BLIND) -> None:
        self._session, self._log, self._say, self._rng = session, log, say, rng
        self._timeout_s = contract.timeout_s
        self._checkpoints = {name: given if given in BASELINES else str(Path(given).absolute())
                             for name, given in checkpoints.items()}
        self._events: list[EpisodeEvent] = []
        session.subscribe(EpisodeEvent, 'episode/event', self._on_event, EVENT)

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender not in _MACHINES:
            self._events.append(event)

    def run(self, pairs: int) -> None:
        """Drive what the log still lacks of so many pairs. Ends disarmed, whatever happens."""
        order = list(NAMES)
        try:
            for pair in range(pairs):
                self._rng.shuffle(order)
                for name in order:
                    while (pair, name) not in self._log.trials:
                        ask = (f'Trial {len(self._log.trials) + 1} of {2 * pairs}: put the robot '
                               f'at start {pair + 1}, then press start.')
                        trial = self._drive(pair, name, ask)
                        if trial is not None:
                            self._log.add(trial)
        finally:
            self._session.arm(False)

    def _drive(self, pair: int, name: str, ask: str) -> Trial | None:
        """Drive one trial; ``None`` if it does not count."""
        self._session.arm(False)
        self._session.load_policy(self._checkpoints[name])
        self._events.clear()
        self._say(ask)
        self._wait((EpisodeEvent.KIND_START,), math.inf)
        try:
            self._session.arm(True)
        except LoopError as error:
            self._say(f'{error} Put it right, then press start again.')
            return None
        self._events.clear()
        self._say(f'It drives, for {self._timeout_s:g} s at most. Press success, failure or '
                  f'discard.')
        begin = time.monotonic()
        end = self._wait((EpisodeEvent.KIND_STOP, EpisodeEvent.KIND_DISCARD), self._timeout_s)
        took_s = round(time.monotonic() - begin, 1)
        self._session.arm(False)
        if end is None:
            self._say('Time is up: a failure.')
            return Trial(pair, name, False, 'timeout', time_s=took_s)
        if end.kind == EpisodeEvent.KIND_DISCARD or end.outcome == Outcome.UNKNOWN:
            self._say('Discarded: the same trial again.')
            return None
        success = end.outcome == Outcome.SUCCESS
        self._say(f'Marked: {"success" if success else "failure"}.')
        return Trial(pair, name, success, end.stop_reason or 'operator', time_s=took_s)

    def _wait(self, kinds: tuple[int, ...], timeout_s: float) -> EpisodeEvent | None:
        """Return the next event of some kinds; ``None`` after the timeout."""
        def marked() -> EpisodeEvent | None:
            return next((e for e in self._events if e.kind in kinds), None)

        try:
            self._session.wait_for(lambda: marked() is not None, timeout_s, 'a person')
        except LoopError:
            return None
        return marked()
