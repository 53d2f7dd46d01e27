"""The last gate before the robot: requests in, the contract's command out. See ``arbiter.py``."""

import time

from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node
from std_srvs.srv import Trigger

from ilw_core.contract import load_contract
from ilw_core.locate import config_file
from ilw_msgs.msg import ActionChunk, ArbiterState, EpisodeEvent
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.health import ERROR, OK, WARN, Diagnostics
from ilw_ros.params import load
from ilw_ros.qos import EVENT, REQUEST, command
from ilw_ros.run import run_node
from ilw_teleop.arbiter import Arbiter, Decision, Request, Source
from ilw_teleop.nodes.command_message import CommandMessage
from ilw_teleop.nodes.parameters import ArbiterParams
from ilw_teleop.stamps import LEAP_NS, LeadingClock
from ilw_teleop.watchdog import Watchdog


class ArbiterNode(Node):
    """Wires an ``Arbiter`` to the graph."""

    def __init__(self) -> None:
        super().__init__('arbiter')
        self._params = params = load(self, ArbiterParams)
        contract = load_contract(config_file('tasks', params.contract))
        sim = bool(self.get_parameter('use_sim_time').value)
        self._sim = sim
        self._arbiter = Arbiter(
            contract, max_age_ns=round(params.max_age_s * 1e9) or None,
            person_hold_ns=round(params.person_hold_s * 1e9), armed=params.armed_at_start)
        self._watchdog = Watchdog(
            self._arbiter, round(params.silence_grace_s * 1e9) if sim else 0,
            round(params.leap_grace_s * 1e9) if sim else 0)
        self._time = LeadingClock(leads=sim)
        self._command = CommandMessage(contract.action)
        self._command_topic = contract.action.topic
        self._command_pub = self.create_publisher(
            self._command.kind, contract.action.topic, command(contract.rate_hz))
        self._state = ArbiterState()
        self._state_pub = self.create_publisher(ArbiterState, 'arbiter/state', EVENT)
        self._event_pub = self.create_publisher(EpisodeEvent, 'episode/event', EVENT)
        self._events, self._driver = 0, Source.NONE
        self._diagnostics = Diagnostics(self, 'arbiter')
        for topic in ('teleop/action', 'policy/action'):
            self.create_subscription(ActionChunk, topic, self._on_request, REQUEST)
        for name, act in (('arm', self._arbiter.arm), ('disarm', self._arbiter.disarm),
                          ('estop', self._arbiter.estop), ('reset', self._arbiter.reset)):
            self.create_service(Trigger, f'arbiter/{name}',
                                lambda _, answer, act=act: self._switch(act, answer))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=Duration(nanoseconds=1),
                          min_backward=Duration(nanoseconds=-1), on_clock_change=True),
            post_callback=self._on_clock)
        # A tenth of a period: a chunk's next action is at most that late.
        poll_s = min(0.01, 0.1 / contract.rate_hz)
        self.create_timer(poll_s, self._on_poll, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)

    def _times(self, stamp: int | None = None) -> tuple[int, int]:
        now = self._time.now_ns(self.get_clock().now().nanoseconds, stamp)
        return now, now if self._sim else time.monotonic_ns()

    def _on_request(self, chunk: ActionChunk) -> None:
        stamp = stamp_ns(chunk.header.stamp)
        now, mono = self._times(stamp)
        request = Request(chunk.source, stamp, chunk.active, chunk.contract_hash, chunk.names,
                          chunk.period, chunk.horizon, chunk.values, chunk.episode)
        if self._arbiter.offer(request, now, mono):
            self._publish(self._arbiter.decide(now, mono))

    def _on_poll(self) -> None:
        decision = self._watchdog.poll(*self._times(), time.monotonic_ns())
        if decision is not None:
            self._publish(decision)

    def _on_clock(self, jump: TimeJump) -> None:
        if jump.delta.nanoseconds < 0:
            self._time.reset()
            self._arbiter.forget()
        elif jump.delta.nanoseconds >= LEAP_NS:
            self._watchdog.leap()
        now, mono = self._times()
        if self._arbiter.chunk_due(now):
            self._publish(self._arbiter.decide(now, mono))

    def _switch(self, act: object, answer: Trigger.Response) -> Trigger.Response:
        answer.success = act() is not False
        answer.message = '' if answer.success else 'The emergency stop is latched: reset it first.'
        self._publish(self._arbiter.decide(*self._times()))
        return answer

    def _publish(self, decision: Decision) -> None:
        stamp = time_msg(decision.stamp_ns)
        applied = decision.applied.tolist()
        if self._params.enable_output:
            self._command_pub.publish(self._command.fill(stamp, applied))
        state = self._state
        state.header.stamp = stamp
        state.step += 1
        state.episode, state.source = decision.episode, int(decision.source)
        state.armed, state.estopped = decision.armed, decision.estopped
        state.published = self._params.enable_output
        state.requested, state.applied = list(decision.requested), applied
        state.reasons = list(decision.reasons)
        self._state_pub.publish(state)
        if decision.source is not self._driver:
            self._mark_takeover(decision, stamp)

    def _mark_takeover(self, decision: Decision, stamp: object) -> None:
        kinds = {(Source.POLICY, Source.PERSON): EpisodeEvent.KIND_INTERVENTION_ON,
                 (Source.PERSON, Source.POLICY): EpisodeEvent.KIND_INTERVENTION_OFF}
        kind = kinds.get((self._driver, decision.source))
        self._driver = decision.source
        if kind is not None:
            self._events += 1
            event = EpisodeEvent(episode=decision.episode, sequence=self._events,
                                 sender='arbiter', kind=kind)
            event.header.stamp = stamp
            self._event_pub.publish(event)

    def _on_second(self) -> None:
        rivals = self.count_publishers(self._command_topic) - 1
        level, text = OK, f'{self._driver.name.lower()} drives'
        if rivals > 0:
            level, text = WARN, f'{rivals} other publisher(s) on {self._command_topic}'
            self.get_logger().warning(f'{text}: the robot obeys them too. Stop them.', once=True)
        if self._arbiter.estopped:
            level, text = ERROR, 'emergency stop latched'
        self._diagnostics.publish(level, text, {
            'driver': self._driver.name, 'armed': self._arbiter.armed,
            'output': self._params.enable_output, 'decisions': self._state.step,
            **{f'refused: {k}': n for k, n in self._arbiter.refused.items()}})


def main() -> int:
    """Run the node."""
    return run_node(ArbiterNode)
