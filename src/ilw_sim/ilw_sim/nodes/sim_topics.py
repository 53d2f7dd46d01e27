"""The simulator's publishers: readings of the core become messages, each tick in one order."""

from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.node import Node
from std_msgs.msg import String

from ilw_core.episode import Outcome
from ilw_core.errors import IlwError
from ilw_msgs.msg import Collision, EpisodeEvent, Reward
from ilw_ros.convert import fill, message_class, time_msg
from ilw_ros.qos import EVENT, LATCHED, STATE_OFFER
from ilw_sim.nodes.sim_clock import OthersClock, OwnClock
from ilw_sim.simulated import Simulated, Tick


class SimTopics:
    """
    Publishes one simulation's ticks and events.

    :param simulation: says what there is to publish.
    :param prefix: before each frame, a slash between; empty: none.
    """

    def __init__(self, node: Node, clock: OwnClock | OthersClock, simulation: Simulated, *,
                 prefix: str, publish_tf: bool) -> None:
        def offer(kind: Any, topic: str, qos: Any = STATE_OFFER) -> Any:
            return node.create_publisher(kind, topic, qos)

        self._clock = clock
        self._prefix = f'{prefix.strip("/")}/' if prefix.strip('/') else ''
        self._tf = _offer_tf(node, '/tf', STATE_OFFER) if publish_tf else None
        self._fixed = _offer_tf(node, '/tf_static', LATCHED) if publish_tf else None
        self._offers: dict[str, list[tuple[str, Any]]] = {'tick': [], 'second': [], 'episode': []}
        for each in simulation.offers:
            self._offers[each.when].append((each.topic, offer(
                message_class(each.type), each.topic,
                STATE_OFFER if each.when == 'tick' else LATCHED)))
        self._reward = offer(Reward, 'reward', EVENT)
        self._collision = offer(Collision, 'sim/collision', EVENT)
        self._event = offer(EpisodeEvent, 'episode/event', EVENT)
        self._description = offer(String, 'robot_description', LATCHED)
        self._description.publish(String(data=simulation.description))
        self._sequence = 0

    def begin(self, simulation: Simulated, episode: str, *, runs: bool) -> None:
        """Publish a new world: its map and goal, the reset, then its first tick."""
        tick = simulation.tick
        self._send_transforms(self._fixed, simulation.fixed_transforms())
        self._publish('episode', simulation)
        self._publish('second', simulation)
        # A goal is part of the first observation: it should be there before the first tick.
        for _, publisher in self._offers['second']:
            publisher.wait_for_all_acked(Duration(nanoseconds=200_000_000))
        self._publish_event(tick, episode, EpisodeEvent.KIND_RESET)
        self._publish_state(simulation, runs=runs)

    def tick(self, simulation: Simulated, episode: str, *, runs: bool) -> None:
        """Publish one step and what it led to."""
        tick = simulation.tick
        if tick.step % max(1, round(simulation.contract.rate_hz)) == 0:
            self._publish('second', simulation)
        self._publish_state(simulation, runs=runs)
        self._reward.publish(self._stamped(Reward(
            episode=episode, step=tick.step, source='task', value=tick.verdict.reward), tick))
        if tick.contact is not None:
            x, y, z = tick.contact.point
            message = Collision(episode=episode, step=tick.step, body=tick.contact.body,
                                force=tick.contact.force_n)
            message.point.x, message.point.y, message.point.z = x, y, z
            self._collision.publish(
                self._stamped(message, tick, self._prefix + simulation.map_frame))
        if tick.ended:
            self._publish_event(tick, episode, EpisodeEvent.KIND_STOP)

    def _publish_state(self, simulation: Simulated, *, runs: bool) -> None:
        tick = simulation.tick
        self._clock.tick(tick.stamp_ns, runs=runs)
        if self._tf is not None and self._tf.get_subscription_count():
            self._send_transforms(self._tf, simulation.transforms())
        self._publish('tick', simulation)

    def _publish(self, when: str, simulation: Simulated) -> None:
        for topic, publisher in self._offers[when]:
            # Filling a message nobody hears costs time; who comes later wants what is latched.
            if when != 'tick' or publisher.get_subscription_count():
                publisher.publish(self._filled(publisher.msg_type(), simulation.reading(topic)))

    def _send_transforms(self, publisher: Any, transforms: list[Any]) -> None:
        if publisher is not None:
            publisher.publish(publisher.msg_type(transforms=[
                self._filled(TransformStamped(), t) for t in transforms]))

    def _filled(self, message: Any, reading: Any) -> Any:
        """Return the message of a reading, in the frames of this robot."""
        fill(message, reading)
        if not hasattr(message, 'header'):
            return message
        message.header.frame_id = self._prefix + message.header.frame_id
        if hasattr(message, 'child_frame_id'):
            message.child_frame_id = self._prefix + message.child_frame_id
        return message

    def _publish_event(self, tick: Tick, episode: str, kind: int) -> None:
        self._sequence += 1
        event = EpisodeEvent(episode=episode, sequence=self._sequence, sender='sim', kind=kind)
        if kind == EpisodeEvent.KIND_STOP:
            event.outcome = int(Outcome.SUCCESS if tick.verdict.success else Outcome.FAILURE)
            event.stop_reason = tick.verdict.stop_reason
        self._event.publish(self._stamped(event, tick))

    @staticmethod
    def _stamped(message: Any, tick: Tick, frame_id: str = '') -> Any:
        message.header.stamp = time_msg(tick.stamp_ns)
        message.header.frame_id = frame_id
        return message


def _offer_tf(node: Node, topic: str, qos: Any) -> Any:
    try:
        return node.create_publisher(message_class('tf2_msgs/msg/TFMessage'), topic, qos)
    except IlwError as error:
        node.get_logger().info(f'No transforms on {topic}: {error}')
        return None
