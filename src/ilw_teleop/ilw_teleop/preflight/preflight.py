"""
Is this the robot that the contract means? Asked before a policy may be armed.

Every problem is a sentence that says the rule, what was got and what to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
import re
from typing import Any

from ilw_core.base.frame_tree import FrameTree, frame_problem
from ilw_core.base.motion_check import MotionCheck
from ilw_core.contract.command_topic import CommandTopic, same_command
from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic
from ilw_core.contract.planar_twist import sideways_of, speeds_of
from ilw_core.features.plausible import doubts_of
from ilw_core.features.rotation import yaw_of
from ilw_core.text.digits import apart
from ilw_teleop.arbiter.robot_interface import RobotInterface
from ilw_teleop.preflight.topic_pulse import WINDOW_NS, TopicPulse

_SCAN, _ODOM = 'sensor_msgs/msg/LaserScan', 'nav_msgs/msg/Odometry'
_FRAMES = {_SCAN: 'laser', _ODOM: 'odom'}
HOLD_NS = 5_000_000_000
"""What was wrong must have been right for so long: dropouts that come and go stay a problem"""
_DECODE_NS = 1_000_000_000
"""A camera's image is decoded this often to look at it"""
_MOUNT_M, _MOUNT_RAD = 0.03, 0.05
"""How far the lidar's mount may be from where the contract says it is: a hand's accuracy"""


def kind_of(problem: str) -> str:
    """Return a problem without its numbers: they flicker, and are no news."""
    return re.sub(r'[-+]?[\d.]+', '#', problem)


@dataclass(frozen=True)
class Endpoint:
    """A publisher or subscription of another node."""

    node: str
    type: str
    incompatible: str = ''
    """Why its QoS does not match ours; empty where it does"""


class Preflight:
    """
    Knows what was seen of the robot.

    :param interface: what the robot's profile says of its topics and frames.
    :param begin_ns: when listening began, on the clock that never jumps.
    """

    def __init__(self, contract: Contract, interface: RobotInterface, begin_ns: int) -> None:
        self._contract, self._interface, self._begin_ns = contract, interface, begin_ns
        self._sources: dict[str, ObservedTopic] = {}
        for source in contract.sources:
            self._sources.setdefault(source.topic, source)
        self._pulses = {topic: TopicPulse() for topic in self._sources}
        self._doubts: dict[str, list[str]] = {}
        self._decoded_ns: dict[str, int] = {}
        self._frames: dict[str, tuple[str, str]] = {}
        """Topic -> frame_id, child_frame_id of its newest message"""
        self._offers: Mapping[str, Sequence[Endpoint]] = {}
        self._takers: Mapping[str, Sequence[Endpoint]] = {}
        self._elsewhere: Mapping[str, Sequence[str]] = {}
        self._found: dict[str, tuple[str, int]] = {}
        """Kind of problem -> its sentence, and when it was last true"""
        self.motion = MotionCheck(contract.action)
        self.tree = FrameTree()

    @property
    def topics(self) -> dict[str, str]:
        """Entry of the contract -> topic; of several entries of one topic the first."""
        return {source.name: topic for topic, source in self._sources.items()}

    # -- what is seen

    def graph(self, offers: Mapping[str, Sequence[Endpoint]],
              takers: Mapping[str, Sequence[Endpoint]],
              elsewhere: Mapping[str, Sequence[str]]) -> None:
        """
        Take in who is there.

        :param offers: the contract's topic -> its publishers.
        :param takers: a command's topic -> its subscribers, but for ILW's own nodes.
        :param elsewhere: message type -> topics with it that others publish.
        """
        self._offers, self._takers, self._elsewhere = offers, takers, elsewhere

    def take(self, topic: str, message: Any, *, stamp_ns: int | None, arrived_ns: int,
             mono_ns: int) -> None:
        """Take in a message of an observed topic; times as in ``TopicPulse.take``."""
        kind = self._sources[topic].type
        self._pulses[topic].take(stamp_ns, arrived_ns, mono_ns)
        if not self._sources[topic].feature.is_image or (
                mono_ns - self._decoded_ns.get(topic, mono_ns - _DECODE_NS) >= _DECODE_NS):
            self._decoded_ns[topic] = mono_ns
            self._doubts[topic] = doubts_of(kind, message, self._contract, topic)
        header = getattr(message, 'header', None)
        if header is not None:
            self._frames[topic] = (header.frame_id, getattr(message, 'child_frame_id', ''))
        if kind == _ODOM:
            at, twist = message.pose.pose, message.twist.twist
            forward, turn = speeds_of(twist)
            self.motion.odometry(
                stamp_ns or arrived_ns, (at.position.x, at.position.y, yaw_of(at.orientation)),
                (forward, sideways_of(twist), turn), mono_ns)

    def placed(self) -> bool:
        """Tell whether the lidar's place in tf is known: no more transforms are needed."""
        ends = self._ends()
        return all(ends) and self.tree.between(*ends) is not None

    def _ends(self) -> tuple[str, str]:
        """Return the frames of base and lidar as their messages name them; empty if unknown."""
        kinds = {self._sources[topic].type: frames for topic, frames in self._frames.items()}
        return kinds.get(_ODOM, ('', ''))[1], kinds.get(_SCAN, ('', ''))[0]

    # -- what is wrong

    def looking(self, mono_ns: int) -> bool:
        """Tell whether it is too early to say anything."""
        return mono_ns < self._begin_ns + WINDOW_NS

    def problems(self, mono_ns: int) -> list[str]:
        """Return what keeps a policy from being armed, a sentence each; none: all is well."""
        if self.looking(mono_ns):
            left_s = (self._begin_ns + WINDOW_NS - mono_ns) / 1e9
            return [f'The robot is being looked at, for {math.ceil(left_s)} s more. Wait.']
        self._found.update({kind_of(text): (text, mono_ns) for text in self._now(mono_ns)})
        self._found = {kind: (text, at) for kind, (text, at) in self._found.items()
                       if mono_ns - at < HOLD_NS}
        return [text for text, _ in self._found.values()]

    def _now(self, mono_ns: int) -> list[str]:
        found = [text for command in self._contract.action.commands
                 for text in self._command_problems(command)]
        for topic, source in self._sources.items():
            found += [f'{topic}: {text}' for text in self._topic_problems(topic, source, mono_ns)]
        found += self._frame_problems()
        return [*found, *(f'The robot {text}' if text.startswith(('moves', 'contradicts'))
                          else text for text in self.motion.problems())]

    def _command_problems(self, command: CommandTopic) -> list[str]:
        topic, kind = command.topic, self._interface.sent_as(command)
        takers = self._takers.get(topic, ())
        if not takers:
            return [f'{topic}: nobody takes commands. Start the driver, or name its topic in the '
                    f'robot profile (topics).']
        fitting = [taker for taker in takers if taker.type == kind]
        if not fitting:
            taker = takers[0]
            remedy = (f'Write `command: {taker.type}` into the robot profile.'
                      if same_command(taker.type, kind) else
                      f'Correct {command.where} in the contract, or start another driver.')
            return [f'{topic}: commands are sent as {kind}, but {taker.node} takes {taker.type}. '
                    f'{remedy}']
        return [f'{topic}: {taker.node} cannot hear the commands ({taker.incompatible}). Change '
                f'the QoS of the driver.' for taker in fitting if taker.incompatible]

    def _topic_problems(self, topic: str, source: ObservedTopic, mono_ns: int) -> list[str]:
        offers, pulse = self._offers.get(topic, ()), self._pulses[topic]
        if not offers and not pulse.heard:
            others = self._elsewhere.get(source.type, ())
            hint = f' Of this type there are: {", ".join(others)}.' if others else ''
            return [f'nobody publishes it. Start the driver, or name its topic in the robot '
                    f'profile (topics).{hint}']
        wrong = [o for o in offers if o.type != source.type]
        if wrong:
            return [f'must be {source.type}. {wrong[0].node} publishes {wrong[0].type}. Remap '
                    f'another topic to it in the robot profile (topics).']
        deaf = [o for o in offers if o.incompatible]
        if deaf:
            return [f'{deaf[0].node} cannot be heard ({deaf[0].incompatible}). Change the QoS of '
                    f'the driver.']
        if source.align.how == 'hold':
            missing = [] if pulse.heard else ['has not come yet. Send it once.']
            return [*missing, *self._doubts.get(topic, ())]
        if not pulse.heard:
            return ['is published, but nothing came. Is the sensor on? Is the network reachable '
                    '(ROS_AUTOMATIC_DISCOVERY_RANGE, firewall)?']
        several = [f'{len(offers)} nodes publish it ({", ".join(o.node for o in offers)}). End '
                   f'all but one.'] if len(offers) > 1 else []
        return [*several, *self._timing(pulse, source, mono_ns), *self._doubts.get(topic, ())]

    def _timing(self, pulse: TopicPulse, source: ObservedTopic, mono_ns: int) -> list[str]:
        found, period_ns = [], self._contract.period_ns
        tolerance_ns = source.align.tolerance_ns
        # A message per tick, unless the contract lets older ones in than two periods.
        least_hz = 1e9 / tolerance_ns if tolerance_ns > 2 * period_ns else (
            0.9 * self._contract.rate_hz)
        rate_hz = pulse.rate_hz(self._begin_ns, mono_ns)
        if rate_hz < least_hz:
            got, least = apart(rate_hz, least_hz)
            found.append(f'must come {least} times a second or more (the contract ticks at '
                         f'{self._contract.rate_hz:g} Hz). Got {got}. Raise the rate of '
                         f'the driver, or train for a contract with a lower one.')
        elif (silent := pulse.silent_ratio(tolerance_ns, mono_ns)) > 0.05:
            found.append(f'was too old {silent:.0%} of the time ({tolerance_ns / 1e6:g} ms are '
                         f'allowed). Look at the network and the load of the robot.')
        if not pulse.stamped:
            found.append('bears no time (stamp 0). Have the driver stamp its messages.')
            return found
        delay_s, spread_s = pulse.delay_s()
        if delay_s < -period_ns / 2e9:
            found.append(f'is stamped {-delay_s:.3g} s in the future. Set the clocks of both '
                         f'computers by one source (chrony or NTP).')
        elif delay_s > tolerance_ns / 1e9:
            got, most = apart(delay_s, tolerance_ns / 1e9)
            found.append(f'is {got} s old when it comes, {most} s are '
                         f'allowed. Set the clocks by one source (chrony or NTP), or speed up '
                         f'the driver or network.')
        elif delay_s + spread_s > tolerance_ns / 1e9:
            found.append(f'comes unevenly: {delay_s:.3g} s old in the middle, with a spread of '
                         f'{spread_s:.3g} s; {tolerance_ns / 1e9:g} s are allowed. Use a cable, '
                         f'or less load.')
        return found

    def _frame_problems(self) -> list[str]:
        found, wanted = [], self._interface.frames
        for topic, (frame, child) in self._frames.items():
            kind = self._sources[topic].type
            checks = [(frame, _FRAMES.get(kind, ''), 'frame_id')]
            if kind == _ODOM:
                checks.append((child, 'base', 'child_frame_id'))
            for got, role, where in checks:
                if not got:
                    found.append(f'{topic}: {where} is empty. Name the frame in the driver.')
                elif wanted.get(role, got).lstrip('/') != got.lstrip('/'):
                    found.append(f'{topic}: {where} must be {wanted[role]} (robot profile, '
                                 f'frames). Got {got}. Correct one of them.')
        for topic, other in self._contract.used_together:
            if topic in self._frames and other in self._frames:
                text = frame_problem(self._frames[topic][0], other, self._frames[other][0])
                found += [f'{topic}: {text}'] if text else []
        return found + self._mount_problems(*self._ends())

    def _mount_problems(self, base: str, laser: str) -> list[str]:
        """Hold the lidar's place in tf, if there is a tf, to the one in the contract."""
        if not (len(self.tree) and base and laser):
            return []
        mount = self.tree.between(base, laser)
        if mount is None:
            return [f'tf: no way leads from {base} to {laser}. Start robot_state_publisher with '
                    f'the URDF of the robot, or a static_transform_publisher.']
        rotation, (x, y, _) = mount
        if rotation[2, 2] < 0.0:
            return [f'tf: {laser} hangs upside down, so its scan is mirrored. Set the driver to '
                    f'inverted.']
        scan = self._contract.safety.scan
        if scan is None:
            return []
        yaw = math.atan2(rotation[1, 0], rotation[0, 0])
        off = abs((yaw - scan.mount[2] + math.pi) % (2 * math.pi) - math.pi)
        near = max(abs(x - scan.mount[0]), abs(y - scan.mount[1])) <= _MOUNT_M
        if not (near and off <= _MOUNT_RAD):  # true for NaN, too
            return [f'tf: the lidar is at x {x:.3f} m, y {y:.3f} m, yaw {yaw:.3f} rad of {base}; '
                    f'the contract says {", ".join(f"{v:g}" for v in scan.mount)}. Write '
                    f'`mount: [{x:.3f}, {y:.3f}, {yaw:.3f}]` under safety.scan.']
        return []
