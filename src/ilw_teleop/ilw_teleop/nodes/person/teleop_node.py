"""A person's joystick: joy in, action requests and episode marks out. See ``teleop.py``."""

import time
from typing import Any

from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_srvs.srv import Trigger

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import ActionChunk, ArbiterState, Reward
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.health import ERROR, OK, WARN, Diagnostics
from ilw_ros.params import load
from ilw_ros.qos import EVENT, REQUEST, STATE
from ilw_ros.run import run_node
from ilw_teleop.arbiter.stamps import LEAP_NS, LeadingClock, believable
from ilw_teleop.joystick.layout import AUTO, known_joysticks, load_joystick
from ilw_teleop.joystick.teleop import SIMULATED_WALL_NS, WALL_SILENCE_NS, Sample, Teleop
from ilw_teleop.nodes.parameters import TeleopParams
from ilw_teleop.nodes.person.end_rules import EndRules
from ilw_teleop.nodes.person.marks import MARKS, Marks
from ilw_teleop.nodes.person.recorder_ear import RecorderEar

REWARDS = {'reward_plus': 1.0, 'reward_minus': -1.0}


class TeleopNode(Node):
    """Wires a ``Teleop`` to the graph."""

    def __init__(self) -> None:
        super().__init__('teleop')
        params = load(self, TeleopParams)
        contract = load_contract(config_file('tasks', params.contract))
        joystick = None if params.joystick == AUTO else load_joystick(
            config_file('joysticks', params.joystick))
        simulated = bool(self.get_parameter('use_sim_time').value)
        self._teleop = Teleop(
            contract, joystick, timeout_ns=round(params.timeout_s * 1e9),
            normal_ratio=params.normal_ratio, known=known_joysticks(),
            another_wall_ns=SIMULATED_WALL_NS if simulated else WALL_SILENCE_NS)
        self._refuses, self._said = False, ''
        self._time = LeadingClock(leads=simulated)
        self._heard_wall_ns = time.monotonic_ns()
        self._chunk = ActionChunk(
            source=ActionChunk.SOURCE_PERSON, contract_hash=contract.hash, horizon=1,
            names=list(contract.action.names), period=contract.period_ns / 1e9)
        self._action_pub = self.create_publisher(ActionChunk, 'teleop/action', REQUEST)
        self._reward_pub = self.create_publisher(Reward, 'reward', EVENT)
        self._diagnostics = Diagnostics(self, 'joystick')
        ear = RecorderEar(self, diagnose=True)
        self._marks = Marks(self, contract, ear)
        if contract.rules:
            self._rules = EndRules(self, contract, lambda: ear.recording, self._marks.ruled)
        self._switches = {control: self.create_client(Trigger, f'arbiter/{control}')
                          for control in ('estop', 'reset', 'arm', 'disarm')}
        self.create_subscription(Joy, 'joy', self._on_joy, EVENT)
        if contract.action.holds.any():
            self.create_subscription(ArbiterState, 'arbiter/state', lambda state: (
                self._teleop.notice_applied(state.applied)), STATE)
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=Duration(nanoseconds=LEAP_NS),
                          min_backward=Duration(nanoseconds=-1)),
            post_callback=self._on_jump)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.05, self._on_tick, clock=steady)
        self.create_timer(1.0, self._report, clock=steady)

    def _on_joy(self, joy: Joy, info: dict[str, Any]) -> None:
        wall = time.monotonic_ns()
        silence, self._heard_wall_ns = wall - self._heard_wall_ns, wall
        stamp = stamp_ns(joy.header.stamp)
        now = self._time.now_ns(self.get_clock().now().nanoseconds, stamp)
        sample = self._teleop.on_sample(
            now, joy.axes, joy.buttons, wall_silence_ns=silence, mono_ns=wall,
            number=info['publication_sequence_number'])
        self._publish(sample, believable(stamp, now))
        if bool(self._teleop.why) != self._refuses:
            self._report()

    def _on_tick(self) -> None:
        now = self._time.now_ns(self.get_clock().now().nanoseconds)
        self._marks.tick(now)
        sample = self._teleop.on_tick(now, time.monotonic_ns() - self._heard_wall_ns)
        if sample is not None:
            self._publish(sample, now)
            self._report()

    def _publish(self, sample: Sample, stamp: int) -> None:
        chunk = self._chunk
        chunk.header.stamp = time_msg(stamp)
        chunk.active, chunk.turbo, chunk.override = sample.active, sample.turbo, sample.override
        chunk.values = sample.values.tolist()
        self._action_pub.publish(chunk)
        for control in sample.presses:
            if control in MARKS:
                self._marks.press(control, stamp)
            elif control in REWARDS:
                self._reward_pub.publish(Reward(header=chunk.header, source='person',
                                                value=REWARDS[control]))
            elif control in self._switches:
                self._call(control)

    def _call(self, control: str) -> None:
        if self._switches[control].service_is_ready():
            self._switches[control].call_async(Trigger.Request())
        else:
            self.get_logger().error(f'arbiter/{control} is not there: the button did nothing.')

    def _on_jump(self, jump: TimeJump) -> None:
        if jump.delta.nanoseconds < 0:
            self._time.reset()
        self._heard_wall_ns = time.monotonic_ns()
        self._teleop.leap(self._time.now_ns(self.get_clock().now().nanoseconds))

    def _report(self) -> None:
        teleop, level, text = self._teleop, OK, 'the joystick is heard'
        self._refuses = bool(teleop.why)
        if teleop.why:
            level, text = ERROR, teleop.why
            if text != self._said:
                self._said = text
                self.get_logger().error(text)
        elif teleop.hint:
            level, text = WARN, teleop.hint
        self._diagnostics.publish(level, text, {
            **({'mode': teleop.mode} if teleop.mode else {}), 'marks sent': self._marks.sent,
            'invalid messages': teleop.invalid})


def main() -> int:
    """Run the node."""
    return run_node(TeleopNode)
