"""Episodes as rosbags: topics in as bytes, folders out. See ``recorder.py``."""

from pathlib import Path
import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ilw_core.contract.file import named_contract
from ilw_msgs.msg import EpisodeEvent
from ilw_ros.convert import stamp_ns
from ilw_ros.params import load
from ilw_ros.qos import EVENT
from ilw_ros.run import run_node
from ilw_teleop.arbiter.stamps import LogClock, PauseWatch
from ilw_teleop.nodes.parameters import RecorderParams
from ilw_teleop.nodes.person.begin_key import BeginKey
from ilw_teleop.nodes.recorder.origin import about
from ilw_teleop.nodes.recorder.raw_topics import RawTopics
from ilw_teleop.nodes.recorder.record_requests import RecordRequests
from ilw_teleop.nodes.recorder.recorder_reports import RecorderReports
from ilw_teleop.recording.episode_store import EpisodeStore
from ilw_teleop.recording.gate import header_stamp_ns
from ilw_teleop.recording.recorder import BESIDES, Recorder
from ilw_teleop.recording.salvage import salvage
from ilw_teleop.recording.words import EpisodeEnding, Mark, MarkKind, Refusal, Wish


class RecorderNode(Node):
    """Wires a ``Recorder`` to the graph."""

    SAVING_S = 30.0  # the take that is being recorded, on a slow disk

    def __init__(self) -> None:
        super().__init__('recorder')
        params = load(self, RecorderParams)
        contract = named_contract(params.contract, params.profile)
        self._sim = bool(self.get_parameter('use_sim_time').value)
        store = EpisodeStore(Path(params.root), contract.name,
                             min_free_bytes=params.min_free_mb * 1_000_000)
        for path in salvage(store):
            self.get_logger().warning(f'Recovered what a crash had left: {path}')
        self._recorder = Recorder(
            contract, store,
            about(params.robot, params.operator, self.get_namespace(), params.arguments),
            queue_bytes=params.queue_mb * 1_000_000, same_clock=self._sim)
        extra = tuple(name.strip() for name in params.extra_topics.split(',') if name.strip())
        self._topics = RawTopics(self, tuple(dict.fromkeys(
            (*contract.topics, *BESIDES, *extra, *(('/clock',) if self._sim else ())))))
        self._held = {s.topic for s in contract.sources if s.align.how == 'hold'}
        self._clock_ns, self._log = 0, LogClock()
        self._pause = PauseWatch(simulated=self._sim)
        self._begin = BeginKey(self, self._recorder, simulated=self._sim)
        self._reports = RecorderReports(self)
        self.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        self._requests = RecordRequests(self, self._start, self._stop)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        # 50 Hz: DDS queues hold 1000 messages per topic, so 50 kHz would still fit.
        self.create_timer(0.02, self._on_poll, clock=steady)
        self.create_timer(0.5, self._on_look, clock=steady)
        self.create_timer(0.25, self._on_beat, clock=steady)
        self._on_look()
        self._on_beat()

    def _now(self) -> int:
        return max(self._clock_ns, self.get_clock().now().nanoseconds)

    def _paused(self) -> bool:
        return self._pause.paused(self._now(), time.monotonic_ns())

    def _drain(self) -> None:
        recorder, log = self._recorder, self._log
        for arrival, channel, data, publish_ns in self._topics.drain():
            name = channel.relative
            if name == '/clock':
                self._clock_ns = max(0, header_stamp_ns(data))  # negative: no time at all
                continue
            now = (self._clock_ns or self._now()) if self._sim else arrival
            recorder.take(channel.topic, name, data, log_ns=log.stamp_ns(now),
                          publish_ns=publish_ns, stamped=channel.stamped,
                          hold=channel.latched or name in self._held)

    def _on_poll(self) -> None:
        self._drain()
        ending = self._recorder.poll(self._now(), time.monotonic_ns())
        if ending is not None:
            self._on_ending(ending)
        if self._begin.poll(self._now(), paused=self._paused()):
            self._publish_status()

    def _on_ending(self, ending: EpisodeEnding) -> None:
        if ending.error:
            self.get_logger().error(ending.error)
        else:
            self.get_logger().info(ending.text)
        self._begin.ended(ending)
        self._on_beat()  # now, not at the next beat
        self._requests.finish(ending)

    def _on_look(self) -> None:
        self._topics.discover()
        self._recorder.gate.published = self._topics.published
        self._recorder.recheck()

    def _on_beat(self) -> None:
        self._publish_status(beat=True)
        self._reports.diagnose(self._recorder)

    def _publish_status(self, *, beat: bool = False) -> None:
        now = self._now()
        status = self._recorder.status(now, paused=self._paused(), more=self._topics.problems)
        if self._reports.publish(status, now, beat=beat):
            self._requests.report(self._reports.status)

    def _start(self, wish: Wish) -> tuple[Refusal, str, str]:
        self._drain()
        answer = self._recorder.start(wish, self._now(), time.monotonic_ns(),
                                      paused=self._paused())
        self._publish_status()
        return answer

    def _stop(self, outcome: int, stop_reason: str, keep: bool) -> bool:
        self._drain()
        return self._recorder.stop(outcome, stop_reason, self._now(), time.monotonic_ns(),
                                   keep=keep)

    def _on_event(self, event: EpisodeEvent) -> None:
        self._drain()
        if self._begin.takes(event):
            return
        self._recorder.on_mark(
            Mark(MarkKind(event.kind), stamp_ns(event.header.stamp), event.episode,
                 event.outcome, event.stop_reason),
            self._now(), time.monotonic_ns(), paused=self._paused())
        self._publish_status()

    def destroy_node(self) -> None:
        """Save what is being recorded before leaving."""
        ending, lost = self._recorder.close(self._now(), time.monotonic_ns())
        if ending is not None:
            self.get_logger().warning(f'The recorder ended in a take. {ending.text}')
        if lost:
            self.get_logger().error(lost)
        super().destroy_node()


def main() -> int:
    """Run the node."""
    return run_node(RecorderNode, shared_memory=True)
