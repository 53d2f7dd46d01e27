"""The recorder before a robot at full rate, and the count of what its bag holds."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
import subprocess
import sys
from typing import Any

from mcap.reader import make_reader
import psutil

from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.processes import Fleet
from ilw_core.contract.file import load_contract
from ilw_core.storage.files import open_regular, write_file
from ilw_faults.loop import Loop
from ilw_msgs.srv import StopEpisode

CONTRACT = """\
contract: stream
version: 1
rate_hz: 10
observation:
  lidar: {topic: scan, type: sensor_msgs/msg/LaserScan, feature: lidar_sectors, sectors: 36,
          range_max_m: 4.0}
  velocity: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist, speed_max_mps: 1.0,
             turn_max_radps: 3.0}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields:
    - {name: twist.linear.x, unit: m/s, min: 0.0, max: 0.5, max_rate: 2.0}
    - {name: twist.angular.z, unit: rad/s, min: -1.5, max: 1.5, max_rate: 8.0}
  on_stale: stop
"""
SENSORS = (('joint_states',), ('left/image/compressed', 'right/image/compressed'),
           ('scan', 'odom', 'cmd_vel'))
"""What runs in a process each: 1 kHz; 2 x 30 Hz JPEG; 20 Hz scan, 100 Hz odometry, commands"""


@dataclass(frozen=True)
class Count:
    """The messages of one topic in a bag."""

    recorded: int
    lost: int
    """Numbers missing between the first and the last, and twice as many for each double"""


class StreamLoop(Loop):
    """
    As ``Loop``, but for the robot: a recorder and one process per group of sensors.

    :param sensors: topics per process; ``topic*2`` sends at twice the rate.
    :param parameters: of the recorder.
    """

    def __init__(self, folder: Path, *, sensors: tuple[tuple[str, ...], ...] = SENSORS,
                 **parameters: Any) -> None:
        self.folder = folder
        file = folder / 'stream.yaml'
        write_file(file, CONTRACT)
        self.contract = load_contract(file)
        self.fleet = Fleet(folder / 'log')
        topics = [word.partition('*')[0] for group in sensors for word in group]
        self.specs = {'recorder': NodeSpec('ilw_teleop', 'recorder_node', 'recorder', {
            'contract': str(file), 'root': str(folder / 'demos'), 'min_free_mb': 0,
            'extra_topics': ','.join(topics), **parameters})}
        self._sensors, self._topics = sensors, topics
        self._robot: list[subprocess.Popen[bytes]] = []
        self._saved, self._through = {}, ()

    def __enter__(self) -> 'StreamLoop':
        super().__enter__()
        try:
            for group in self._sensors:
                self._robot.append(subprocess.Popen(
                    [sys.executable, '-P', '-m', 'ilw_faults.nodes.stream', *group]))
            # Before they are matched, nothing arrives: that is no loss of the recorder's.
            self.until(self._matched, 20.0, 'the recorder to subscribe')
        except BaseException:
            self.__exit__()
            raise
        return self

    def _matched(self) -> bool:
        return all(self.spy.node.count_subscribers(topic) for topic in self._topics)

    def __exit__(self, *arguments: object) -> None:
        for process in self._robot:
            process.terminate()
        super().__exit__(*arguments)
        for process in self._robot:
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:  # left alone, it would command the next robot
                process.kill()
                process.wait()

    def stop(self) -> Path:
        """Save what was recorded; returns its folder."""
        answer = self.call(StopEpisode, 'record/stop', StopEpisode.Request(outcome=1), 60.0)
        return Path(answer.path)

    @property
    def recorder(self) -> psutil.Process:
        """The process of the recorder."""
        return psutil.Process(self.fleet.pid('recorder'))


def count(episode: Path) -> dict[str, Count]:
    """Return what of the numbered messages a bag holds, by topic."""
    numbers: dict[str, list[int]] = {}
    with open_regular(next(episode.glob('*.mcap'))) as file:
        for schema, channel, message in make_reader(file).iter_messages(log_time_order=False):
            if schema is not None and not schema.name.startswith('ilw_msgs'):
                number = _number(message.data)
                if number is not None:
                    numbers.setdefault(channel.topic, []).append(number)
    return {topic: Count(len(each), each[-1] - each[0] + 1 - len(each) if each == sorted(set(each))
                         else _odd(each)) for topic, each in sorted(numbers.items())}


def _odd(numbers: list[int]) -> int:
    """Return how many numbers are missing or come twice or out of order."""
    seen = set(numbers)
    missing = max(seen) - min(seen) + 1 - len(seen)
    return missing + len(numbers) - len(seen) + sum(
        b < a for a, b in pairwise(numbers))


def _number(data: bytes) -> int | None:
    """Return the ``frame_id`` of a little-endian message with a header, if it is a number."""
    length = int.from_bytes(data[12:16], 'little')
    text = data[16:16 + length - 1] if 0 < length < 20 else b''
    return int(text) if text.isdigit() else None
