"""Look at the robot's topics before a policy may be armed. See ``preflight.py``."""

import time
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration, Infinite
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.subscription import Subscription

from ilw_core.base.frame_tree import transform
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_ros.commands import CommandEar
from ilw_ros.convert import header_ns, message_class
from ilw_ros.observe import Observed
from ilw_ros.qos import STATE, command, recording
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.robot_interface import RobotInterface
from ilw_teleop.preflight.preflight import Endpoint, Preflight, kind_of

OURS = ('arbiter', 'recorder', 'policy', 'teleop')
"""Nodes that hear commands and are no robot"""
_LOOK_S = 0.5


class RobotCheck:
    """Brings what the graph shows to a ``Preflight``, and what that finds to the arbiter."""

    def __init__(self, node: Node, arbiter: Arbiter, contract: Contract,
                 interface: RobotInterface) -> None:
        self._node, self._arbiter, self._contract = node, arbiter, contract
        self._preflight = Preflight(contract.declaring(arbiter.lidar), interface,
                                    time.monotonic_ns())
        arbiter.notice_unready(self._preflight.problems(time.monotonic_ns()))
        self._topics = self._preflight.topics
        self._observed = Observed(node, contract, self._on_message)
        CommandEar(node, contract.action, self._on_action, STATE, interface.sent_as)
        self._tf = self._hear_transforms()
        self._said = {'nothing yet'}
        node.create_timer(_LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _hear_transforms(self) -> Subscription | None:
        try:
            kind = message_class('tf2_msgs/msg/TFMessage')
        except IlwError:
            return None  # no tf on this machine: its checks are left out
        self._node.create_subscription(kind, '/tf_static', self._on_transforms,
                                       recording(reliable=True, latched=True))
        return self._node.create_subscription(kind, '/tf', self._on_transforms, STATE)

    def _on_message(self, name: str, _: int, message: Any) -> None:
        topic = self._topics.get(name)
        if topic is not None:  # a second entry of the topic hears the same
            self._preflight.take(
                topic, message, stamp_ns=header_ns(message), mono_ns=time.monotonic_ns(),
                arrived_ns=self._node.get_clock().now().nanoseconds)

    def _on_action(self, _: int | None, values: list[float]) -> None:
        self._preflight.motion.command(values, time.monotonic_ns())

    def _on_transforms(self, message: Any) -> None:
        for one in message.transforms:
            t, q = one.transform.translation, one.transform.rotation
            self._preflight.tree.take(one.header.frame_id, one.child_frame_id,
                                      transform((t.x, t.y, t.z), (q.x, q.y, q.z, q.w)))

    def _look(self) -> None:
        node, action = self._node, self._contract.action
        offers = {topic: [_endpoint(i, i.qos_profile, STATE)
                          for i in node.get_publishers_info_by_topic(topic)]
                  for topic in self._topics.values()}
        ours = command(self._contract.rate_hz)
        takers = {topic: [_endpoint(i, ours, i.qos_profile)
                          for i in node.get_subscriptions_info_by_topic(topic)
                          if i.node_name not in OURS] for topic in action.topics}
        elsewhere: dict[str, list[str]] = {}
        for name, kinds in node.get_topic_names_and_types():
            for kind in kinds:
                elsewhere.setdefault(kind, []).append(name)
        self._preflight.graph(offers, takers, elsewhere)
        if self._tf is not None and self._preflight.placed():
            node.destroy_subscription(self._tf)  # hundreds a second, and nothing new in them
            self._tf = None
        problems = self._preflight.problems(time.monotonic_ns())
        self._arbiter.notice_unready(problems, against=self._preflight.motion.opposed())
        self._say(problems)

    def _say(self, problems: list[str]) -> None:
        """Show what is new, and when all is well."""
        kinds, log = {kind_of(text) for text in problems}, self._node.get_logger()
        for text in problems:
            if kind_of(text) not in self._said and not self._preflight.looking(
                    time.monotonic_ns()):
                log.error(f'Not ready: {text}')
        before, self._said = self._said, kinds
        if before and not problems:
            log.info('The robot is as the contract says: a policy may be armed.')


def _endpoint(info: Any, offered: QoSProfile, asked: QoSProfile) -> Endpoint:
    for name in ('deadline', 'liveliness_lease_duration'):
        for profile in (offered, asked):
            # The graph tells "none" as the longest time there is; the check takes it literally.
            if getattr(profile, name) >= Infinite:
                setattr(profile, name, Duration())
    compatible, why = qos_check_compatible(offered, asked)
    return Endpoint(info.node_name, info.topic_type,
                    why.strip('; ') if compatible == QoSCompatibility.ERROR else '')
