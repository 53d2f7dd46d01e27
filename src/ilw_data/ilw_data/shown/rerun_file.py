"""An episode as a recording of Rerun (https://rerun.io): numbers, scans, poses, pictures, map."""

from collections import Counter
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_core.features.lidar import DISTANCE, ScanGeometry, read_beams
from ilw_core.features.lidar_spec import recorded_lidar
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_core.storage.map_file import OCCUPIED, load_map
from ilw_data.bag.camera import COMPRESSED_IMAGE
from ilw_data.bag.reader import Stamped, read_messages, topic_types
from ilw_data.episode.dataset import load_episode

INSTALL = '.venv/bin/pip install -r requirements/rerun.txt'
TIME, TICK = 'time', 'tick'
"""Time lines: seconds from the episode's first tick, by the stamps of headers; ticks from 0"""
_SCAN, _IMAGE = 'sensor_msgs/msg/LaserScan', 'sensor_msgs/msg/Image'
_ODOMETRY, _POSE = 'nav_msgs/msg/Odometry', 'geometry_msgs/msg/PoseStamped'
_MEDIA = {b'\x89PNG': 'image/png', b'\xff\xd8\xff': 'image/jpeg'}
"""How the bytes of a picture begin"""
_RAW = {'rgb8': ('RGB', 3), 'bgr8': ('BGR', 3), 'mono8': ('L', 1)}
_HALF, _BEAM_M = 0.5, 0.02
"""Of a cell, the radius of the point that stands for it; radius of a beam's end"""


@dataclass(frozen=True)
class RerunExport:
    """What is in the recording; ``--json`` shows it under these names."""

    file: str
    steps: int
    numbers: int
    """Scalars: names of actions and observations"""
    scans: int
    poses: int
    pictures: int
    map_cells: int
    """Occupied ones, of the map that the contract names; 0: it names none that is here"""
    left_out: tuple[str, ...]
    """A sentence for each kind of message that is not drawn"""


def rerun_module() -> Any:
    """:raises IlwError: it is not installed; says how."""
    try:
        import rerun
    except ModuleNotFoundError as error:
        raise IlwError(f'Recordings of Rerun need its library, which is not installed. Run '
                       f'{INSTALL}') from error
    return rerun


def rerun_recording(folder: EpisodeFolder, contract: Contract, file: str) -> \
        tuple[bytes, RerunExport]:
    """
    Return the content of a ``.rrd`` of one episode, and what is in it.

    :param file: where it is to go, for the answer.
    :raises IlwError: the library is not installed, or the episode cannot be read.
    """
    made = _Recording(rerun_module(), folder, contract)
    numbers = made.numbers()
    cells = made.map_cells()
    made.messages()
    found = made.found
    return made.content(), RerunExport(
        file, len(made.episode.actions), numbers, found['scan'], found['pose'], found['picture'],
        cells, tuple(f'{count} of {topic}: {why}.' for (topic, why), count in
                     sorted(made.left_out.items())))


class _Recording:
    """The stream that all is written to."""

    def __init__(self, rerun: Any, folder: EpisodeFolder, contract: Contract) -> None:
        self._rr, self._folder, self._contract = rerun, folder, contract
        self.episode = load_episode(folder, contract)
        self._begin_ns = int(self.episode.stamps_ns[0])
        self._stream = rerun.RecordingStream('ilw', recording_id=folder.path.name)
        self._memory = self._stream.memory_recording()
        self._lidar = recorded_lidar(folder.meta, str(folder.path))
        self._base = self._where_it_is()
        self._ways: dict[tuple[str, ...], list[list[float]]] = {}
        self.found: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str]] = Counter()

    def content(self) -> bytes:
        """Return the file's bytes; nothing can be added afterwards."""
        content: bytes = self._memory.drain_as_bytes()
        return content

    def _where_it_is(self) -> tuple[str, ...]:
        """Return frame and topic of the odometry, below which scans are drawn; none: ()."""
        for topic, kind in sorted(topic_types(self._folder.path).items()):
            if kind == _ODOMETRY:
                for each in read_messages(self._folder.path, {topic}):
                    return _frame(each), *topic.split('/')
        return ()

    def numbers(self) -> int:
        """Write actions and observations by their names, where they are valid; return how many."""
        each = self.episode
        for names, rows, valid, of in (
                (self._contract.action.names, each.actions,
                 np.repeat(each.action_valid[:, None], each.actions.shape[1], 1), 'action'),
                (self._contract.obs_names, each.obs, each.obs_valid, 'observation')):
            for i, name in enumerate(names):
                self._scalars([of, name], rows[:, i], np.flatnonzero(valid[:, i]))
        return self._contract.action.dim + self._contract.obs_dim

    def _scalars(self, parts: list[str], values: np.ndarray, ticks: np.ndarray) -> None:
        rr = self._rr
        seconds = (self.episode.stamps_ns[ticks] - self._begin_ns) / 1e9
        rr.send_columns(
            rr.new_entity_path(parts), recording=self._stream,
            indexes=[rr.TimeColumn(TIME, duration=seconds), rr.TimeColumn(TICK, sequence=ticks)],
            columns=rr.Scalars.columns(scalars=values[ticks].astype(np.float64)))

    def map_cells(self) -> int:
        """Write the occupied cells of the map that the contract names; return how many."""
        name = self._contract.scene.get('map')
        if not isinstance(name, str):
            return 0
        chart = load_map(self._contract.scene_file(name))
        row, column = np.nonzero(chart.cells == OCCUPIED)
        x, y = chart.to_world(*((each + _HALF) * chart.resolution_m
                                for each in (column, row)))
        self._stream.log([self._base[0] if self._base else 'map', 'map'], self._rr.Points3D(
            np.stack([x, y, np.zeros_like(x)], axis=1),
            radii=_HALF * chart.resolution_m, colors=(90, 90, 90)), static=True)
        return len(x)

    def messages(self) -> None:
        """Write scans, poses and the ways they went, and pictures."""
        draw = {_SCAN: self._scan, _ODOMETRY: self._pose, _POSE: self._pose,
                COMPRESSED_IMAGE: self._compressed, _IMAGE: self._raw}
        types = topic_types(self._folder.path)
        for each in read_messages(self._folder.path,
                                  {name for name, kind in types.items() if kind in draw}):
            stamp_ns = each.stamp_ns or each.logged_ns
            self._stream.set_time(TIME, duration=(stamp_ns - self._begin_ns) / 1e9)
            draw[types[each.topic]](each)
        for parts, way in self._ways.items():
            if len(way) > 1:
                self._stream.log([parts[0], 'way', *parts[1:]], self._rr.LineStrips3D([way]),
                                 static=True)

    def _scan(self, each: Stamped) -> None:
        scan = each.message
        ranges = np.asarray(scan.ranges, dtype=np.float64)
        seen = read_beams(ranges, ScanGeometry.of(scan), self._lidar) == DISTANCE
        angle = scan.angle_min + scan.angle_increment * np.flatnonzero(seen)
        points = ranges[seen][:, None] * np.stack(
            [np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
        self._stream.log([*self._base, *each.topic.split('/')],
                         self._rr.Points3D(points, radii=_BEAM_M))
        self.found['scan'] += 1

    def _pose(self, each: Stamped) -> None:
        pose = getattr(each.message.pose, 'pose', each.message.pose)
        at = [float(getattr(pose.position, axis)) for axis in 'xyz']
        turned = [float(getattr(pose.orientation, axis)) for axis in 'xyzw']
        if not all(map(math.isfinite, (*at, *turned))):
            self.left_out[each.topic, 'a pose that is not finite'] += 1
            return
        parts = _frame(each), *each.topic.split('/')
        self._stream.log(list(parts), self._rr.Transform3D(
            translation=at, quaternion=self._rr.Quaternion(xyzw=turned)))
        self._ways.setdefault(parts, []).append(at)
        self.found['pose'] += 1

    def _compressed(self, each: Stamped) -> None:
        data = np.asarray(each.message.data, dtype=np.uint8).tobytes()
        media = next((kind for begin, kind in _MEDIA.items() if data.startswith(begin)), None)
        if media is None:
            self.left_out[each.topic, 'neither PNG nor JPEG'] += 1
            return
        self._stream.log(['camera', *each.topic.split('/')], self._rr.EncodedImage(
            contents=data, media_type=media))
        self.found['picture'] += 1

    def _raw(self, each: Stamped) -> None:
        image = each.message
        model, depth = _RAW.get(image.encoding, ('', 0))
        data = np.asarray(image.data, dtype=np.uint8)
        if not model or len(data) != image.height * image.step or image.step < depth * image.width:
            self.left_out[each.topic, f'not one of {", ".join(_RAW)}, or not whole'] += 1
            return
        rows = data.reshape(image.height, image.step)[:, :depth * image.width]
        self._stream.log(['camera', *each.topic.split('/')], self._rr.Image(
            rows.reshape(image.height, image.width, depth), color_model=model))
        self.found['picture'] += 1


def _frame(each: Stamped) -> str:
    """Return the frame of a message with a header, which is the root of its tree."""
    return each.message.header.frame_id.strip('/') or 'world'
