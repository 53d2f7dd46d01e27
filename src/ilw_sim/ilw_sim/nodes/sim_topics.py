"""The simulator's publishers: readings of the core become messages, each tick in one order."""

from typing import Any

from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.duration import Duration
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState, LaserScan

from ilw_core.episode import Outcome
from ilw_core.errors import IlwError
from ilw_msgs.msg import Collision, EpisodeEvent, Reward
from ilw_ros.convert import fill, message_class, time_msg
from ilw_ros.qos import EVENT, LATCHED, STATE_OFFER
from ilw_sim.simulation import Simulation, Tick

_READINGS: dict[str, tuple[Any, str]] = {
    'odom': (Odometry, 'odom'), 'scan': (LaserScan, 'scan'),
    'joint_states': (JointState, 'joint_states'), 'imu': (Imu, 'imu'),
    'ground_truth': (Odometry, 'sim/ground_truth')}


class SimTopics:
    """Publishes one simulation's ticks and events."""

    def __init__(self, node: Node, *, publish_tf: bool) -> None:
        def offer(kind: Any, topic: str, qos: Any = STATE_OFFER) -> Any:
            return node.create_publisher(kind, topic, qos)

        self._clock = offer(Clock, '/clock')
        self._tf = self._offer_tf(node) if publish_tf else None
        self._state = {name: (kind, offer(kind, topic))
                       for name, (kind, topic) in _READINGS.items()}
        self._goal = offer(PoseStamped, 'goal', LATCHED)
        self._map = offer(OccupancyGrid, 'map', LATCHED)
        self._reward = offer(Reward, 'reward', EVENT)
        self._collision = offer(Collision, 'sim/collision', EVENT)
        self._event = offer(EpisodeEvent, 'episode/event', EVENT)
        self._sequence = 0

    @staticmethod
    def _offer_tf(node: Node) -> Any:
        try:
            return node.create_publisher(
                message_class('tf2_msgs/msg/TFMessage'), '/tf', STATE_OFFER)
        except IlwError as error:
            node.get_logger().info(f'No transforms on /tf: {error}')
            return None

    def begin(self, simulation: Simulation, episode: str) -> None:
        """Publish a new world: map and goal, the reset, then its first tick."""
        tick = simulation.tick
        self._map.publish(fill(OccupancyGrid(), simulation.map_reading(tick.stamp_ns)))
        self._publish_goal(simulation)
        # The goal is part of the first observation: it should be there before the first tick.
        self._goal.wait_for_all_acked(Duration(nanoseconds=200_000_000))
        self._publish_event(tick, episode, EpisodeEvent.KIND_RESET)
        self._publish_state(simulation)

    def tick(self, simulation: Simulation, episode: str) -> None:
        """Publish one step and what it led to."""
        tick = simulation.tick
        if tick.step % max(1, round(simulation.contract.rate_hz)) == 0:
            self._publish_goal(simulation)
        self._publish_state(simulation)
        self._reward.publish(self._stamped(Reward(
            episode=episode, step=tick.step, source='task', value=tick.verdict.reward), tick))
        if tick.contact is not None:
            x, y, z = tick.contact.point
            message = Collision(episode=episode, step=tick.step, body=tick.contact.body,
                                force=tick.contact.force_n)
            message.point.x, message.point.y, message.point.z = x, y, z
            self._collision.publish(self._stamped(message, tick, 'map'))
        if tick.ended:
            self._publish_event(tick, episode, EpisodeEvent.KIND_STOP)

    def _publish_state(self, simulation: Simulation) -> None:
        tick = simulation.tick
        self._clock.publish(Clock(clock=time_msg(tick.stamp_ns)))
        if self._tf is not None and self._tf.get_subscription_count():
            self._tf.publish(self._tf.msg_type(transforms=[
                fill(TransformStamped(), t) for t in simulation.transforms()]))
        for name, (kind, publisher) in self._state.items():
            if publisher.get_subscription_count():  # filling a message nobody hears costs time
                publisher.publish(fill(kind(), getattr(tick.readings, name)))

    def _publish_goal(self, simulation: Simulation) -> None:
        stamp_ns = simulation.tick.stamp_ns
        self._goal.publish(fill(PoseStamped(), simulation.goal_reading(stamp_ns)))

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
