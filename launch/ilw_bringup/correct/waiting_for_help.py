"""A policy asks for help: say so, and end the attempt if nobody comes."""

from collections.abc import Callable

from ilw_bringup.session import Session
from ilw_core.episode import Outcome, Source
from ilw_learner.asking.help_gate import asked
from ilw_msgs.msg import ArbiterState, EpisodeEvent, PolicyStatus
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT


class WaitingForHelp:
    """
    Listens while the session waits.

    :param wait_s: so long somebody may take to come, robot clock.
    :param say: told each request, and what comes of one that nobody answers.
    """

    def __init__(self, session: Session, wait_s: float, say: Callable[[str], None]) -> None:
        self._wait_s, self._say = wait_s, say
        self._since_ns: int | None = None
        """Since when it waits; ``None``: it does not, or the attempt was ended"""
        self._cause = ''
        self._events = 0
        self._event = session.publisher(EpisodeEvent, 'episode/event', EVENT)
        session.subscribe(PolicyStatus, 'policy/status', self._on_status, EVENT)
        session.subscribe(ArbiterState, 'arbiter/state', self._on_state, EVENT)

    def _on_status(self, status: PolicyStatus) -> None:
        cause, now_ns = asked(status.reason), stamp_ns(status.header.stamp)
        if cause and not self._cause:
            self._say(status.reason)
            self._since_ns = now_ns
        self._cause = cause
        if not cause:
            self._since_ns = None
        elif self._since_ns is not None and now_ns - self._since_ns > self._wait_s * 1e9:
            self._since_ns = None
            self._say(f'Nobody came within {self._wait_s:g} s: the attempt has failed.')
            self._give_up(status)

    def _on_state(self, state: ArbiterState) -> None:
        if state.source == Source.PERSON:
            self._since_ns = None

    def _give_up(self, status: PolicyStatus) -> None:
        self._events += 1
        event = EpisodeEvent(episode=status.episode, sequence=self._events, sender='session',
                             kind=EpisodeEvent.KIND_STOP, outcome=int(Outcome.FAILURE),
                             stop_reason='timeout')
        event.header.stamp = status.header.stamp
        self._event.publish(event)
