"""What the arbiter says about itself: state, takeovers, diagnostics."""

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ilw_core.contract.file import Contract
from ilw_core.episode import Source
from ilw_msgs.msg import ArbiterState, EpisodeEvent
from ilw_ros.convert import time_msg
from ilw_ros.health import ERROR, OK, WARN, Diagnostics
from ilw_ros.qos import EVENT
from ilw_teleop.arbiter.arbiter import Arbiter, Decision
from ilw_teleop.nodes.arbiter.tally_report import TallyReport
from ilw_teleop.preflight.preflight import kind_of

_TAKEOVERS = {(Source.POLICY, Source.PERSON): EpisodeEvent.KIND_INTERVENTION_ON,
              (Source.PERSON, Source.POLICY): EpisodeEvent.KIND_INTERVENTION_OFF}

_UNSURE = {'blind', 'near', 'unseen', 'unmeasured'}
"""Reasons that are about what was not measured"""


class ArbiterReports:
    """
    Publishes what was decided.

    :param doubts: what was wrong from the start, a sentence each.
    """

    def __init__(self, node: Node, contract: Contract, arbiter: Arbiter, *, output: bool,
                 doubts: list[str]) -> None:
        self._node, self._arbiter, self._doubts = node, arbiter, doubts
        self._state = ArbiterState(published=output)
        self._state_pub = node.create_publisher(ArbiterState, 'arbiter/state', EVENT)
        self._event_pub = node.create_publisher(EpisodeEvent, 'episode/event', EVENT)
        self._diagnostics = Diagnostics(node, 'arbiter')
        self._events, self._driver = 0, Source.NONE
        self._rivals = ''
        self._stood: dict[str, str] = {}
        """Reason to stand -> its sentence, since diagnostics were published last"""
        self._said: set[str] = set()
        self._tally = TallyReport(node, contract, dry_run=not output)
        node.create_timer(1.0, self.diagnose, clock=Clock(clock_type=ClockType.STEADY_TIME))
        for doubt in doubts:
            node.get_logger().warning(doubt)

    def decided(self, decision: Decision) -> None:
        """Publish one decision."""
        state = self._state
        state.header.stamp = time_msg(decision.stamp_ns)
        state.step += 1
        state.episode, state.source = decision.episode, int(decision.source)
        state.armed, state.estopped = decision.armed, decision.estopped
        state.estop_why = self._arbiter.estop_why
        state.requested, state.applied = list(decision.requested), decision.applied.tolist()
        state.reasons = list(decision.reasons)
        self._state_pub.publish(state)
        self._note_stands(decision)
        if decision.source is not self._driver:
            self._mark_takeover(decision)
        self._tally.decided(decision)

    def _note_stands(self, decision: Decision) -> None:
        """Say once of each kind why nothing shows that moving is safe."""
        guards = self._arbiter.guards
        for reason in _UNSURE.intersection(decision.reasons) if guards else ():
            text = next(filter(None, (guard.why.get(reason, '') for guard in guards)), '')
            self._stood[reason] = text
            if text and (kind := kind_of(text)) not in self._said:
                self._said.add(kind)
                self._node.get_logger().warning(f'Stands or slows ({reason}): {text}')

    def answered(self, refusal: str) -> None:
        """Show a refusal to whoever pressed a button: it gets no answer otherwise."""
        if refusal:
            self._node.get_logger().warning(f'Refused: {refusal}')

    def disarmed(self, why: str) -> None:
        """Show why nobody is armed any more, if there is something to say."""
        if why:
            self._node.get_logger().error(why)
            self.diagnose()

    def conclude(self) -> None:
        """Say at the end what a dry run showed."""
        self._tally.conclude()

    def _mark_takeover(self, decision: Decision) -> None:
        kind = _TAKEOVERS.get((self._driver, decision.source))
        self._driver = decision.source
        if kind is not None:
            self._events += 1
            event = EpisodeEvent(episode=decision.episode, sequence=self._events,
                                 sender='arbiter', kind=kind)
            event.header.stamp = self._state.header.stamp
            self._event_pub.publish(event)

    def diagnose(self) -> None:
        """Publish how the arbiter is."""
        arbiter, rivals = self._arbiter, self._arbiter.rivals
        level, text = OK, f'{self._driver.name.lower()} drives'
        if self._doubts:
            level, text = WARN, ' '.join(self._doubts)
        if arbiter.disarmed_why:
            level, text = WARN, arbiter.disarmed_why
        if self._stood:
            level, text = WARN, ' '.join(self._stood.values())
            self._stood = {}
        if arbiter.unready:
            level, text = ERROR, ' '.join(arbiter.unready)
        if arbiter.estopped:
            level, text = ERROR, f'emergency stop latched: {arbiter.estop_why}'
        if rivals:
            level, text = ERROR, f'{rivals} No policy drives until that ends.'
        if rivals and not self._rivals:
            self._node.get_logger().error(text)
        self._rivals = rivals
        self._diagnostics.publish(level, text, {
            'driver': self._driver.name, 'armed': arbiter.armed, 'output': self._state.published,
            'decisions': self._state.step,
            **{f'refused: {reason}': n for reason, n in arbiter.refused.items()}})
