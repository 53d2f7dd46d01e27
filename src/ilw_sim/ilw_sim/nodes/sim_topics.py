"""The simulator's publishers: readings of the core become messages, each tick in one order."""

from typing import Any

from rclpy.node import Node

from ilw_core.episode import Outcome
from ilw_msgs.msg import Collision, EpisodeEvent, Reward
from ilw_ros.convert import time_msg
from ilw_ros.qos import EVENT
from ilw_sim.nodes.sim_clock import OthersClock, OwnClock
from ilw_sim.nodes.sim_readings import SimReadings
from ilw_sim.simulated import Simulated, Tick


class SimTopics:
    """
    Publishes one simulation's ticks and events.

    :param simulation: says what there is to publish.
    :param prefix: before each frame, a slash between; empty: none.
    """

    def __init__(self, node: Node, clock: OwnClock | OthersClock, simulation: Simulated, *,
                 prefix: str, publish_tf: bool) -> None:
        self._clock = clock
        self._readings = SimReadings(node, simulation, prefix=prefix, publish_tf=publish_tf)
        self._reward = node.create_publisher(Reward, 'reward', EVENT)
        self._collision = node.create_publisher(Collision, 'sim/collision', EVENT)
        self._event = node.create_publisher(EpisodeEvent, 'episode/event', EVENT)
        self._sequence = 0

    def begin(self, simulation: Simulated, episode: str, *, runs: bool) -> None:
        """Publish a new world: its map and goal, the reset, then its first tick."""
        self._readings.begin(simulation)
        self._publish_event(simulation.tick, episode, EpisodeEvent.KIND_RESET)
        self._publish_state(simulation, runs=runs)

    def tick(self, simulation: Simulated, episode: str, *, runs: bool) -> None:
        """Publish one step and what it led to."""
        tick = simulation.tick
        if tick.step % max(1, round(simulation.contract.rate_hz)) == 0:
            self._readings.second(simulation)
        self._publish_state(simulation, runs=runs)
        self._reward.publish(self._stamped(Reward(
            episode=episode, step=tick.step, source='task', value=tick.verdict.reward), tick))
        if tick.contact is not None:
            x, y, z = tick.contact.point
            message = Collision(episode=episode, step=tick.step, body=tick.contact.body,
                                force=tick.contact.force_n)
            message.point.x, message.point.y, message.point.z = x, y, z
            self._collision.publish(
                self._stamped(message, tick, self._readings.prefix + simulation.map_frame))
        if tick.ended:
            self._publish_event(tick, episode, EpisodeEvent.KIND_STOP)

    def _publish_state(self, simulation: Simulated, *, runs: bool) -> None:
        self._clock.tick(simulation.tick.stamp_ns, runs=runs)
        self._readings.tick(simulation)

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
