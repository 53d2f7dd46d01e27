"""The simulator's publishers: readings of the core become messages, each tick in one order."""

from typing import Any

from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import Imu, JointState, LaserScan
from std_msgs.msg import String

from ilw_core.episode import Outcome
from ilw_core.errors import IlwError
from ilw_msgs.msg import Collision, EpisodeEvent, Reward
from ilw_ros.convert import fill, message_class, time_msg
from ilw_ros.qos import EVENT, LATCHED, STATE_OFFER
from ilw_sim.nodes.sim_clock import OthersClock, OwnClock
from ilw_sim.sensing.readings import MAP
from ilw_sim.sensing.robot_model import RobotModel
from ilw_sim.simulation import Simulation, Tick

_READINGS: dict[str, tuple[Any, str]] = {
    'odom': (Odometry, 'odom'), 'scan': (LaserScan, 'scan'),
    'joint_states': (JointState, 'joint_states'), 'imu': (Imu, 'imu'),
    'ground_truth': (Odometry, 'sim/ground_truth')}


class SimTopics:
    """
    Publishes one simulation's ticks and events.

    :param prefix: before each frame, a slash between; empty: none.
    """

    def __init__(self, node: Node, clock: OwnClock | OthersClock, model: RobotModel, *,
                 prefix: str, publish_tf: bool) -> None:
        def offer(kind: Any, topic: str, qos: Any = STATE_OFFER) -> Any:
            return node.create_publisher(kind, topic, qos)

        self._clock, self._model = clock, model
        self._prefix = f'{prefix.strip("/")}/' if prefix.strip('/') else ''
        self._tf = _offer_tf(node, '/tf', STATE_OFFER) if publish_tf else None
        self._fixed = _offer_tf(node, '/tf_static', LATCHED) if publish_tf else None
        self._state = {name: (kind, offer(kind, topic))
                       for name, (kind, topic) in _READINGS.items()}
        self._goal = offer(PoseStamped, 'goal', LATCHED)
        self._map = offer(OccupancyGrid, 'map', LATCHED)
        self._reward = offer(Reward, 'reward', EVENT)
        self._collision = offer(Collision, 'sim/collision', EVENT)
        self._event = offer(EpisodeEvent, 'episode/event', EVENT)
        self._description = offer(String, 'robot_description', LATCHED)
        self._description.publish(String(data=model.text))
        self._sequence = 0

    def begin(self, simulation: Simulation, episode: str, *, runs: bool) -> None:
        """Publish a new world: map and goal, the reset, then its first tick."""
        tick = simulation.tick
        self._send_transforms(self._fixed, self._model.fixed(tick.stamp_ns))
        self._map.publish(self._filled(OccupancyGrid(), simulation.map_reading(tick.stamp_ns)))
        self._publish_goal(simulation)
        # The goal is part of the first observation: it should be there before the first tick.
        self._goal.wait_for_all_acked(Duration(nanoseconds=200_000_000))
        self._publish_event(tick, episode, EpisodeEvent.KIND_RESET)
        self._publish_state(simulation, runs=runs)

    def tick(self, simulation: Simulation, episode: str, *, runs: bool) -> None:
        """Publish one step and what it led to."""
        tick = simulation.tick
        if tick.step % max(1, round(simulation.contract.rate_hz)) == 0:
            self._publish_goal(simulation)
        self._publish_state(simulation, runs=runs)
        self._reward.publish(self._stamped(Reward(
            episode=episode, step=tick.step, source='task', value=tick.verdict.reward), tick))
        if tick.contact is not None:
            x, y, z = tick.contact.point
            message = Collision(episode=episode, step=tick.step, body=tick.contact.body,
                                force=tick.contact.force_n)
            message.point.x, message.point.y, message.point.z = x, y, z
            self._collision.publish(self._stamped(message, tick, self._prefix + MAP))
        if tick.ended:
            self._publish_event(tick, episode, EpisodeEvent.KIND_STOP)

    def _publish_state(self, simulation: Simulation, *, runs: bool) -> None:
        tick = simulation.tick
        self._clock.tick(tick.stamp_ns, runs=runs)
        if self._tf is not None and self._tf.get_subscription_count():
            self._send_transforms(self._tf, simulation.transforms())
        for name, (kind, publisher) in self._state.items():
            if publisher.get_subscription_count():  # filling a message nobody hears costs time
                publisher.publish(self._filled(kind(), getattr(tick.readings, name)))

    def _publish_goal(self, simulation: Simulation) -> None:
        stamp_ns = simulation.tick.stamp_ns
        self._goal.publish(self._filled(PoseStamped(), simulation.goal_reading(stamp_ns)))

    def _send_transforms(self, publisher: Any, transforms: list[Any]) -> None:
        if publisher is not None:
            publisher.publish(publisher.msg_type(transforms=[
                self._filled(TransformStamped(), t) for t in transforms]))

    def _filled(self, message: Any, reading: Any) -> Any:
        """Return the message of a reading, in the frames of this robot."""
        fill(message, reading)
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
