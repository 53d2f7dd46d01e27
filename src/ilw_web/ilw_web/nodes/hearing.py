"""Hear what the page shows, and keep the newest of each kind."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from nav_msgs.msg import OccupancyGrid
from rclpy.node import Node
from sensor_msgs.msg import JointState, LaserScan
from std_msgs.msg import String

from ilw_core.contract.file import Contract
from ilw_core.policy_loop import PolicyLoop
from ilw_msgs.msg import ActionChunk, ArbiterState, EpisodeStatus, PolicyStatus
from ilw_ros.convert import message_class
from ilw_ros.observe import Observed
from ilw_ros.qos import CAMERA, EVENT, LATCHED, REQUEST, STATE
from ilw_teleop.nodes.person.goal_ear import GoalEar
from ilw_web.view import news
from ilw_web.view.pictures import camera_frame, map_frame

CAMERA_EVERY = 2
"""Of the times that news are gathered"""


class Hearing:
    """The subscriptions of a page."""

    def __init__(self, node: Node, contract: Contract) -> None:
        self._node, self._contract = node, contract
        self._new: dict[str, Callable[[], str]] = {}
        self._frames: dict[str, Callable[[], bytes | None]] = {}
        self._heard: Counter[str] = Counter()
        scan = contract.safety.scan
        for name, kind, topic, qos, told in (
                ('arbiter', ArbiterState, 'arbiter/state', EVENT, news.arbiter),
                ('recorder', EpisodeStatus, 'episode/status', LATCHED, news.recorder),
                ('policy', PolicyStatus, 'policy/status', EVENT, news.policy),
                ('chunk', ActionChunk, 'policy/action', REQUEST, news.chunk),
                ('scan', LaserScan, scan.topic if scan else 'scan', STATE, news.scan),
                ('joints', JointState, 'joint_states', STATE, news.joints),
                ('urdf', String, 'robot_description', LATCHED, news.urdf)):
            node.create_subscription(kind, topic, partial(self._on_news, name, topic, told), qos)
        node.create_subscription(OccupancyGrid, 'map', self._on_map, LATCHED)
        for source in contract.images:
            node.create_subscription(message_class(source.type), source.topic,
                                     partial(self._on_image, source.name, source.topic), CAMERA)
        self._ear = GoalEar(node, contract, self._on_pose)
        numbers = replace(contract, sources=tuple(
            each for each in contract.sources if not each.feature.is_image))
        self._loop = PolicyLoop(numbers)
        self._observed = Observed(node, numbers, self._on_observed)

    def rates(self) -> dict[str, int]:
        """Return topic -> messages since the last call."""
        counted, self._heard = dict(self._heard), Counter()
        return counted

    def gather(self, turn: int) -> tuple[dict[str, str], dict[str, bytes]]:
        """Return what is new since the last call, as the page gets it."""
        told, self._new = self._new, {}
        frames: dict[str, bytes] = {}
        if turn % CAMERA_EVERY == 0:
            heard, self._frames = self._frames, {}
            for name, make in heard.items():
                made = make()
                if made is not None:
                    frames[name] = made
        return {name: make() for name, make in told.items()}, frames

    def _on_news(self, name: str, topic: str, told: Callable[[Any], Any], message: Any) -> None:
        self._heard[topic] += 1
        self._new[name] = lambda: news.text(name, told(message))

    def _on_map(self, grid: OccupancyGrid) -> None:
        self._heard['map'] += 1
        self._frames['map'] = lambda: map_frame(grid)

    def _on_image(self, name: str, topic: str, image: Any) -> None:
        self._heard[topic] += 1
        self._frames[f'camera {name}'] = lambda: camera_frame(name, image)

    def _on_pose(self) -> None:
        self._heard['odom'] += 1
        pose, goal = self._ear.pose, self._ear.goal
        self._new['pose'] = lambda: news.text('pose', {'at': pose, 'goal': goal})

    def _on_observed(self, name: str, stamp_ns: int, message: Any) -> None:
        self._loop.push(name, stamp_ns, message)
        seen = self._loop.poll()
        if seen is not None:
            values, valid = seen.values, seen.valid
            self._new['observation'] = lambda: news.text(
                'observation', news.observation(values, valid))
