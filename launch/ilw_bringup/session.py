"""Run episodes over ROS topics and services: reset, let somebody drive, see how it ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
import time
from typing import Any
import uuid

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry
import numpy as np
import rclpy
from rclpy.node import Node
from std_srvs.srv import Trigger

from ilw_bringup.asking import call
from ilw_bringup.loading import load
from ilw_core.episode import Outcome, Source
from ilw_core.errors import IlwError
from ilw_msgs.msg import ArbiterState, EpisodeEvent, EpisodeStatus, PolicyStatus
from ilw_msgs.srv import ResetSim, StartEpisode, StepSim, StopEpisode
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, LATCHED, STATE
from ilw_ros.spinning.executor import OneThreadExecutor
from ilw_ros.transport import start_ros

_DRIVER_S = 60.0
"""A node that starts on a busy machine drives within this wall time"""
_READY_S = 30.0
"""A recorder that is not ready is asked again for so long: a sensor may be late for a moment"""


class LoopError(IlwError):
    """The running loop did not do its part in time."""


class DiscardedError(IlwError):
    """A person threw the episode away that was being recorded."""


@dataclass(frozen=True)
class Driven:
    """How one episode went, seen from outside."""

    seed: int
    success: bool
    stop_reason: str
    time_s: float
    """Simulated time from the first tick to the end"""
    shortest_path_m: float
    path: np.ndarray = field(repr=False)
    """(T, 2) true positions [m]"""
    map: 'Map | None' = field(repr=False, default=None)
    goal: tuple[float, float] | None = None
    """Where it was to go [m], in the coordinates of path and map"""

    @property
    def path_length_m(self) -> float:
        """Length of the way driven."""
        return float(np.hypot(*np.diff(self.path, axis=0).T).sum()) if len(self.path) > 1 else 0.0


@dataclass(frozen=True)
class Map:
    """What the simulator drew of its world."""

    cells: np.ndarray
    """(H, W) int8, 100 occupied"""
    resolution_m: float
    origin_m: tuple[float, float]


class Session:
    """
    A client of the running nodes.

    :param still_alive: called while waiting; raises when there is nothing left to wait for.
    """

    def __init__(self, still_alive: Callable[[], None] = lambda: None) -> None:
        self._still_alive = still_alive
        start_ros()
        self._node = Node('ilw_session')
        self._executor = OneThreadExecutor()
        self._executor.add_node(self._node)
        self._end: EpisodeEvent | None = None
        self._episode = ''
        self._begin_ns = 0
        self._path: list[tuple[int, float, float]] = []
        self._progress = 0.0
        self._map: Map | None = None
        self._goal: tuple[float, float] | None = None
        self.status: EpisodeStatus | None = None
        subscribe = self._node.create_subscription
        subscribe(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        subscribe(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        subscribe(Odometry, 'sim/ground_truth', self._on_truth, STATE)
        subscribe(OccupancyGrid, 'map', self._on_map, LATCHED)
        subscribe(PoseStamped, 'goal', self._on_goal, LATCHED)

    def close(self) -> None:
        """Leave the graph."""
        self._node.destroy_node()
        rclpy.try_shutdown()

    def __enter__(self) -> 'Session':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self, kind: Any, topic: str, take: Callable[[Any], None], profile: Any) -> None:
        """Have ``take`` called with the messages of a topic while something is waited for."""
        self._node.create_subscription(kind, topic, take, profile)

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        """Return what publishes on a topic."""
        return self._node.create_publisher(kind, topic, profile)

    def serve(self, kind: Any, name: str, answer: Callable[[Any, Any], Any]) -> None:
        """Answer the requests of a service while something is waited for."""
        self._node.create_service(kind, name, answer)

    def call(self, kind: Any, name: str, request: Any, timeout_s: float = 20.0, *,
             again: bool = False) -> Any:
        """
        Call a service and return its response.

        :param again: ask again now and then; for requests that do no harm twice.
        :raises LoopError: the service is not there, or does not answer in time.
        """
        return call(self._node, kind, name, request, self.wait_for, timeout_s, again=again)

    def wait_for(self, done: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Spin until ``done()``; :raises LoopError: after ``timeout_s`` wall seconds."""
        deadline = time.monotonic() + timeout_s
        while not done():
            self._executor.spin_once(timeout_sec=0.05)
            self._still_alive()
            if time.monotonic() > deadline:
                raise LoopError(f'Waited {timeout_s:.0f} s for {what} in vain.')

    def wait_for_driver(self, source: Source, seed: int) -> None:
        """
        Wait until a driver's commands come through, in the world of a seed; then time stands.

        Nodes find each other one connection at a time, and what is published before is lost: an
        episode that begins earlier goes by, in part or whole, with nobody driving.

        :raises LoopError: it does not drive.
        """
        driven_ns = [-1]

        def take(state: ArbiterState) -> None:
            if state.source == source:
                driven_ns[0] = stamp_ns(state.header.stamp)

        def drives() -> bool:
            return driven_ns[0] >= self._begin_ns  # not in the world before

        states = self._node.create_subscription(ArbiterState, 'arbiter/state', take, EVENT)
        deadline = time.monotonic() + _DRIVER_S
        try:
            while True:
                self._begin(seed, uuid.uuid4().hex[:12])
                self.wait_for(lambda: drives() or self._end is not None, _DRIVER_S,
                              f'the {source.name.lower()} to drive')
                if drives():
                    break
                if time.monotonic() > deadline:
                    raise LoopError(f'Waited {_DRIVER_S:.0f} s for the {source.name.lower()} to '
                                    'drive in vain.')
        finally:
            self._node.destroy_subscription(states)
        self.call(StepSim, 'sim/step', StepSim.Request(ticks=1))  # from there time stands

    def drive(self, seed: int, *, record: bool = False, operator: str = '',
              episode: str = '') -> Driven:
        """
        Begin an episode, wait until it ends, and return how it went.

        One that is recorded also ends when a person marks its end.

        :param record: keep it as a rosbag; returns when the bag is in its place.
        :param episode: its id; empty: any.
        :raises LoopError: a node did not do its part.
        :raises DiscardedError: it was recorded, and a person threw it away.
        """
        episode = episode or uuid.uuid4().hex[:12]
        if record:
            self._start_recording(episode, operator)
        shortest_path_m = self._begin(seed, episode)
        self._wait_for_end(recorded=record)
        if record:
            self.wait_for(lambda: self._kept(episode) is not None, 20.0,
                          'the recorder to save the episode')
            if not self._kept(episode):
                raise DiscardedError(f'Episode {episode} was thrown away. Drive it again.')
        end: Any = self._end or self.status  # a person ends it before the simulator does
        path = np.array([(x, y) for ns, x, y in self._path
                         if ns >= self._begin_ns]).reshape(-1, 2)
        return Driven(
            seed=seed, success=end.outcome == Outcome.SUCCESS, stop_reason=end.stop_reason,
            time_s=(stamp_ns(end.header.stamp) - self._begin_ns) / 1e9,
            shortest_path_m=shortest_path_m, path=path, map=self._map,
            goal=self._goal)

    def _begin(self, seed: int, episode: str) -> float:
        """Begin an episode in the world of a seed; return its shortest way [m]."""
        self._end, self._episode, self._path = None, episode, []
        reset = self.call(ResetSim, 'sim/reset', ResetSim.Request(seed=seed, episode=episode))
        if reset.error_code:
            raise LoopError(f'sim/reset refused seed {seed}: {reset.error_msg}')
        self._begin_ns = stamp_ns(reset.stamp)
        return float(reset.shortest_path_m)

    def _start_recording(self, episode: str, operator: str) -> None:
        self.wait_for(
            lambda: self.status is not None and self.status.phase == EpisodeStatus.PHASE_READY,
            _READY_S, 'the recorder to be ready')
        request = StartEpisode.Request(episode=episode, operator_name=operator)
        deadline = time.monotonic() + _READY_S
        while True:
            answer = self.call(StartEpisode, 'record/start', request)
            if not answer.error_code:
                return
            passing = answer.error_code == StartEpisode.Response.ERROR_NOT_READY
            if not passing or time.monotonic() > deadline:
                raise LoopError(f'The recorder refused to start: {answer.error_msg}')
            self._executor.spin_once(timeout_sec=0.05)

    def keep_what_there_is(self) -> None:
        """Have the recorder close an episode that a fault cut short: kept, its outcome unknown."""
        if self.status is None or self.status.phase != EpisodeStatus.PHASE_RECORDING:
            return
        request = StopEpisode.Request(outcome=Outcome.UNKNOWN, stop_reason='fault')
        self.call(StopEpisode, 'record/stop', request)

    def _kept(self, episode: str) -> bool | None:
        """Tell whether an episode that was recorded was kept; ``None`` while it is not over."""
        now = self.status
        if now is None or now.episode != episode or now.phase in (
                EpisodeStatus.PHASE_RECORDING, EpisodeStatus.PHASE_SAVING):
            return None
        return bool(now.kept)

    def _wait_for_end(self, *, recorded: bool) -> None:
        self._progress = time.monotonic()
        while self._end is None and not (recorded and self._kept(self._episode) is not None):
            self._executor.spin_once(timeout_sec=0.05)
            self._still_alive()
            if time.monotonic() - self._progress > 15.0:
                raise LoopError('The simulator has not moved on for 15 s.')

    def arm(self, armed: bool) -> None:
        """Allow or forbid the policy to drive."""
        answer = self.call(Trigger, 'arbiter/arm' if armed else 'arbiter/disarm',
                           Trigger.Request(), again=True)
        if not answer.success:
            raise LoopError(f'The arbiter refused: {answer.message}')

    def load_policy(self, checkpoint: str, seed: int = 0) -> None:
        """Have the policy node load a checkpoint, ``idle`` or ``random``."""
        answer = load(self.call, checkpoint, seed)
        if answer.error_code:
            raise LoopError(f'The policy node refused {checkpoint}: {answer.error_msg}')

    def wait_for_policy(self, checkpoint: str) -> None:
        """
        Wait until the policy node runs a checkpoint.

        :param checkpoint: its hash.
        :raises LoopError: it does not, or not in time.
        """
        newest = ['']

        def take(status: PolicyStatus) -> None:
            newest[0] = status.checkpoint

        self.subscribe(PolicyStatus, 'policy/status', take, STATE)
        self.wait_for(lambda: newest[0] == checkpoint, 90.0, 'the policy to be loaded')

    def _on_event(self, event: EpisodeEvent) -> None:
        ours = event.sender == 'sim' and event.episode == self._episode
        if ours and event.kind == EpisodeEvent.KIND_STOP:
            self._end = event

    def _on_status(self, status: EpisodeStatus) -> None:
        self.status = status

    def _on_truth(self, truth: Odometry) -> None:
        self._progress = time.monotonic()
        position = truth.pose.pose.position
        self._path.append((stamp_ns(truth.header.stamp), position.x, position.y))

    def _on_goal(self, msg: PoseStamped) -> None:
        self._goal = (msg.pose.position.x, msg.pose.position.y)

    def _on_map(self, grid: OccupancyGrid) -> None:
        cells = np.array(grid.data, dtype=np.int8).reshape(grid.info.height, grid.info.width)
        origin = grid.info.origin.position
        self._map = Map(cells, grid.info.resolution, (origin.x, origin.y))
