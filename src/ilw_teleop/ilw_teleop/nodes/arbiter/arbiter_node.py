"""The last gate before the robot: requests in, the contract's command out. See ``arbiter.py``."""

import time
from typing import Any

from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import ActionChunk
from ilw_ros.convert import stamp_ns
from ilw_ros.params import load
from ilw_ros.qos import REQUEST
from ilw_ros.run import run_node
from ilw_teleop.arbiter.arbiter import Arbiter, Decision
from ilw_teleop.arbiter.loop import ArbiterLoop
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.robot_profile import doubts, interface_of, load_profile
from ilw_teleop.arbiter.stamps import LeadingClock, read_together
from ilw_teleop.nodes.arbiter.arbiter_reports import ArbiterReports
from ilw_teleop.nodes.arbiter.clock_tap import ClockTap
from ilw_teleop.nodes.arbiter.command_output import CommandOutput
from ilw_teleop.nodes.arbiter.policy_watch import PolicyWatch
from ilw_teleop.nodes.arbiter.poll_timer import IDLE_LOOK_NS, LOOK_S, PollTimer
from ilw_teleop.nodes.arbiter.positions import Positions
from ilw_teleop.nodes.arbiter.robot_check import RobotCheck
from ilw_teleop.nodes.arbiter.surroundings import Surroundings
from ilw_teleop.nodes.arbiter.switches import Switches
from ilw_teleop.nodes.parameters import ArbiterParams


class ArbiterNode(Node):
    """Wires an ``Arbiter`` to the graph."""

    def __init__(self) -> None:
        super().__init__('arbiter')
        params = load(self, ArbiterParams)
        contract = load_contract(config_file('tasks', params.contract))
        profile = load_profile(config_file('robots', params.robot)) if params.robot else None
        self._sim = sim = bool(self.get_parameter('use_sim_time').value)
        self._arbiter = arbiter = Arbiter(
            contract, max_age_ns=round(params.max_age_s * 1e9) or None, profile=profile,
            person_hold_ns=round(params.person_hold_s * 1e9), armed=params.armed_at_start,
            dry_run=not params.enable_output)
        self._loop = ArbiterLoop(
            arbiter, round(params.silence_grace_s * 1e9) if sim else 0,
            round(params.leap_grace_s * 1e9) if sim else 0, simulated=sim)
        self._time = LeadingClock(leads=sim)
        self._tap = ClockTap(self, contract.period_ns // 2)
        interface = interface_of(profile)
        self._command = CommandOutput(self, contract, interface.sent_as,
                                      enabled=params.enable_output)
        if params.preflight:
            self._check = RobotCheck(self, arbiter, contract, interface)
        self._reports = ArbiterReports(self, contract, arbiter, output=params.enable_output,
                                       doubts=doubts(contract, profile))
        self._policies = PolicyWatch(self, 'policy/action')
        self.create_subscription(ActionChunk, 'teleop/action', self._on_request, REQUEST)
        self.create_subscription(ActionChunk, 'policy/action', self._on_policy, REQUEST)
        self._around = Surroundings(self, contract.safety, arbiter.ahead, self._times)
        if contract.measured:
            self._positions = Positions(self, contract, arbiter, self._times)
        self._switches = Switches(self, arbiter, self._on_look, self._on_switched)
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=Duration(nanoseconds=1),
                          min_backward=Duration(nanoseconds=-1), on_clock_change=True),
            post_callback=self._on_clock)
        poll_s = min(0.01, 0.1 / contract.rate_hz)  # a chunk's next action is at most that late
        self._poll = PollTimer(self, poll_s, self._on_poll)
        self._look = PollTimer(self, LOOK_S, self._on_look)

    def _times(self, stamp: int | None = None) -> tuple[int, int]:
        self._tap.take()
        clock_ns, steady_ns = read_together(lambda: self.get_clock().now().nanoseconds)
        now = self._time.now_ns(clock_ns, stamp)
        return now, now if self._sim else steady_ns

    @property
    def _waits(self) -> bool:
        return self._sim and not self._tap.paced

    def _on_request(self, chunk: ActionChunk) -> None:
        self._around.take()
        stamp = stamp_ns(chunk.header.stamp)
        now, mono = self._times(stamp)
        request = Request(
            chunk.source, stamp, chunk.active, chunk.contract_hash, chunk.names, chunk.period,
            chunk.horizon, chunk.values, chunk.episode, stamp_ns(chunk.observation_stamp),
            chunk.override)
        self._publish(self._loop.request(request, now, mono, time.monotonic_ns(),
                                         waits=self._waits))

    def _on_policy(self, chunk: ActionChunk, info: dict[str, Any]) -> None:
        if self._policies.take(info['publication_sequence_number'], time.monotonic_ns()):
            self._reports.disarmed(self._arbiter.notice_restart())
        self._on_request(chunk)

    def _on_poll(self) -> None:
        self._around.take()
        (now, mono), wall = self._times(), time.monotonic_ns()
        self._publish(self._loop.poll(now, mono, wall, waits=self._waits))
        self._rest(self._loop.rest_ns(mono, wall, paced=self._tap.paced))

    def _rest(self, rest_ns: int) -> None:
        self._poll.rest(rest_ns)
        self._around.wake(rest_ns == 0)

    def _on_clock(self, jump: TimeJump) -> None:
        wall, jump_ns = time.monotonic_ns(), jump.delta.nanoseconds
        if self._sim and not self._tap.moved(jump_ns):
            self._rest(0)
        if jump_ns < 0:
            self._time.reset()
        self._publish(self._loop.clock(jump_ns, *self._times(), wall, waits=self._waits))

    def _on_switched(self, refusal: str) -> None:
        self._reports.answered(refusal)
        self._publish(self._loop.switched(*self._times()))
        self._look.rest(0)

    def _publish(self, decision: Decision | None) -> None:
        if decision is None:
            return
        self._command.send(decision.stamp_ns, decision.applied.tolist())
        self._reports.decided(decision)
        if self._arbiter.driven:
            self._rest(0)

    def _on_look(self) -> None:
        if self._policies.newcomer():
            self._reports.disarmed(self._arbiter.notice_restart())
        several = self._policies.several(time.monotonic_ns())
        if self._loop.rivals(self._command.rivals(), several_policies=several):
            self._publish(self._loop.switched(*self._times()))
            self._reports.diagnose()
        self._look.rest(0 if self._arbiter.armed or self._arbiter.driven else IDLE_LOOK_NS)

    def farewell(self) -> None:
        """Stop the robot, as an emergency stop does, and say what a dry run showed."""
        self._publish(self._loop.end(*self._times()))
        self._command.end()
        self._reports.conclude()


def main() -> int:
    """Run the node."""
    return run_node(ArbiterNode)
