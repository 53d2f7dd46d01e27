"""How fast a ten-minute bag becomes training data, beside rosbags and OpenCV: bench/data.py."""

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import cv2
from machine import machine_line
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore
import torch

SOURCES = Path(__file__).resolve().parents[1] / 'src'
sys.path[:0] = [str(SOURCES / f'ilw_{name}') for name in ('core', 'data')]

from ilw_core.contract.file import parse_contract  # noqa: E402
from ilw_data.bag.camera import Camera  # noqa: E402
from ilw_data.bag.reader import Bag  # noqa: E402
from ilw_data.bag.writer import BagWriter, WrittenTopic  # noqa: E402
from ilw_data.episode.dataset import build_dataset, load_episode  # noqa: E402

CONTRACT = '''
contract: bench
version: 1
rate_hz: 10
observation:
  lidar: {topic: scan, type: sensor_msgs/msg/LaserScan, feature: lidar_sectors, sectors: 36,
          range_max_m: 4.0}
  odometry: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields:
    - {name: twist.linear.x, unit: m/s, min: -1.0, max: 1.0, max_rate: 1.0}
    - {name: twist.angular.z, unit: rad/s, min: -1.0, max: 1.0, max_rate: 4.0}
  on_stale: stop
'''
RATES_HZ = {'odom': 50, 'joy': 50, 'cmd_vel': 50, 'scan': 20, 'camera': 15}
TYPES = {'odom': 'nav_msgs/msg/Odometry', 'joy': 'sensor_msgs/msg/Joy',
         'cmd_vel': 'geometry_msgs/msg/TwistStamped', 'scan': 'sensor_msgs/msg/LaserScan',
         'camera': 'sensor_msgs/msg/CompressedImage'}
READ = ('odom', 'cmd_vel', 'scan')
"""What the contract reads"""
STORE = get_typestore(Stores.ROS2_JAZZY)
HISTORY, BATCH = 8, 256
PEER = 'LeRobotDataset'
BEGIN_NS = 1_700_000_000_000_000_000


def message(topic: str, at_ns: int, rng: np.random.Generator, images: list[np.ndarray]) -> Any:
    """Return one message of a topic, stamped 2 ms before it is logged."""
    t = STORE.types
    sec, nanosec = divmod(at_ns - 2_000_000, 10**9)
    header = t['std_msgs/msg/Header'](
        stamp=t['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec),
        frame_id='odom' if topic == 'odom' else 'base_link')
    v, w = rng.uniform(-1.0, 1.0, 2)

    def vector(x: float, z: float) -> Any:
        return t['geometry_msgs/msg/Vector3'](x=x, y=0.0, z=z)

    def twist() -> Any:
        return t['geometry_msgs/msg/Twist'](linear=vector(v, 0.0), angular=vector(0.0, w))

    if topic == 'odom':
        pose = t['geometry_msgs/msg/Pose'](
            position=t['geometry_msgs/msg/Point'](x=v, y=w, z=0.0),
            orientation=t['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0))
        none = np.zeros(36)
        return t[TYPES[topic]](
            header=header, child_frame_id='base_link',
            pose=t['geometry_msgs/msg/PoseWithCovariance'](pose=pose, covariance=none),
            twist=t['geometry_msgs/msg/TwistWithCovariance'](twist=twist(), covariance=none))
    if topic == 'cmd_vel':
        return t[TYPES[topic]](header=header, twist=twist())
    if topic == 'joy':
        return t[TYPES[topic]](header=header, axes=np.array([v, w] * 4, dtype=np.float32),
                               buttons=np.zeros(11, dtype=np.int32))
    if topic == 'scan':
        return t[TYPES[topic]](
            header=header, angle_min=0.0, angle_max=6.2657, angle_increment=0.0174533,
            time_increment=0.0, scan_time=0.05, range_min=0.12, range_max=3.5,
            ranges=rng.uniform(0.15, 3.4, 360).astype(np.float32),
            intensities=np.zeros(360, dtype=np.float32))
    return t[TYPES[topic]](header=header, format='jpeg', data=images[rng.integers(len(images))])


def write_bag(folder: Path, seconds: float) -> None:
    """Write a bag as the recorder does: uncompressed MCAP with indexes, in chunks of 1 MB."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(64):  # blurred noise: about as many bytes as a picture of a room
        noise = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), (0, 0), 2.0)
        noise = cv2.normalize(noise, noise, 0, 255, cv2.NORM_MINMAX)
        images.append(cv2.imencode('.jpg', noise, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].reshape(-1))
    folder.mkdir()
    writer = BagWriter(folder, f'{folder.name}.mcap')
    numbers = {name: writer.add_topic(WrittenTopic(f'/{name}', kind,
                                                   STORE.generate_msgdef(kind)[0]))
               for name, kind in TYPES.items()}
    due = sorted((BEGIN_NS + round(i * 1e9 / rate), name)
                 for name, rate in RATES_HZ.items() for i in range(round(seconds * rate)))
    for at_ns, name in due:
        data = STORE.serialize_cdr(message(name, at_ns, rng, images), TYPES[name])
        writer.write(numbers[name], at_ns, at_ns, bytes(data))
    writer.close()


def rosbags_decodes(folder: Path, topics: tuple[str, ...]) -> None:
    """Decode topics one message after the other, as rosbags offers it."""
    with AnyReader([folder]) as reader:
        chosen = [c for c in reader.connections if c.topic.lstrip('/') in topics]
        for connection, _, data in reader.messages(connections=chosen):
            reader.deserialize(data, connection.msgtype)


def every_column(folder: Path, topics: tuple[str, ...]) -> None:
    """Read every field of topics into arrays."""
    for topic in Bag(folder).topics(topics).values():
        for path in topic.fields.paths:
            topic.fields.column(path)


def seconds_of(work: Callable[[], Any]) -> float:
    """Return how long something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measure(folder: Path, rounds: int) -> tuple[dict[str, list[float]], int]:
    """Return the seconds of every case, the peer's windows per second, and how many there are."""
    contract = parse_contract(CONTRACT)
    with_joy = (*READ, 'joy')
    camera = Camera(Bag(folder), 'camera')
    rows = np.arange(len(camera))
    jpegs = [camera.compressed(i).copy() for i in rows]
    cache = folder.parent / 'cache'
    episode = load_episode(folder, contract, cache=cache)
    windows = build_dataset([episode], contract, history=HISTORY)
    obs, actions = torch.as_tensor(windows.obs), torch.as_tensor(windows.actions)
    rng = torch.Generator().manual_seed(0)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(obs, actions),
                                         batch_size=BATCH, shuffle=True, generator=rng)

    def bare() -> None:
        for jpeg in jpegs:
            cv2.imdecode(jpeg, cv2.IMREAD_COLOR)

    def read_frames() -> None:
        for _ in Camera(Bag(folder), 'camera').frames():
            pass

    def read_bytes() -> None:
        block = bytearray(1 << 20)
        with next(folder.glob('*.mcap')).open('rb', buffering=0) as stream:
            while stream.readinto(block):
                pass

    def batches() -> None:
        for _ in range(1000):
            rows = torch.randint(len(obs), (BATCH,), generator=rng)
            _ = obs[rows], actions[rows]

    def loaded() -> None:
        for _ in loader:
            pass

    torch.set_num_threads(1)  # a batch is 0.3 MB: more threads only wait for each other

    cases: dict[str, Callable[[], Any]] = {
        'load_episode': lambda: load_episode(folder, contract),
        'rosbags, the same topics': lambda: rosbags_decodes(folder, READ),
        'every column': lambda: every_column(folder, with_joy),
        'rosbags, every topic but the camera': lambda: rosbags_decodes(folder, with_joy),
        'bytes of the file, read once': read_bytes,
        'load_episode from the cache': lambda: load_episode(folder, contract, cache=cache),
        'frames': read_frames, 'cv2.imdecode': bare,
        'build_dataset': lambda: build_dataset([episode], contract, history=HISTORY),
        '1000 batches': batches, 'an epoch of a DataLoader': loaded}
    found: dict[str, list[float]] = {name: [] for name in (*cases, PEER)}
    for _ in range(rounds):
        for name, work in cases.items():
            found[name].append(seconds_of(work))
        rate = lerobot_windows(folder)
        if rate is not None:
            found[PEER].append(rate)
    return found, len(obs)


def lerobot_windows(folder: Path) -> float | None:
    """Return LeRobotDataset's windows per second on as many steps; ``None`` if not installed."""
    python = Path(__file__).with_name('.venv-lerobot') / 'bin' / 'python'
    if not python.exists():
        return None
    episode = load_episode(folder, parse_contract(CONTRACT))
    arrays = folder.parent / 'steps.npz'
    np.savez(arrays, obs=episode.obs[:-1], actions=episode.actions)
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name('run_lerobot.py')), str(arrays), str(HISTORY)],
        env=os.environ | {'HF_HUB_OFFLINE': '1', 'OMP_NUM_THREADS': '1', 'PYTHONPATH': ''},
        capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])['windows_per_s']


def main() -> None:
    """Measure, alternating, and print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--minutes', type=float, default=10.0, help='length of the bag')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / 'bag'
        write_bag(folder, options.minutes * 60.0)
        size = sum(file.stat().st_size for file in folder.iterdir())
        runs, steps = measure(folder, options.rounds)
    theirs = runs.pop(PEER)
    middle = {name: statistics.median(values) for name, values in runs.items()}
    count = {name: round(options.minutes * 60.0 * rate) for name, rate in RATES_HZ.items()}
    read = sum(count[name] for name in READ)
    windows = steps / middle['an epoch of a DataLoader']
    lerobot = {PEER: statistics.median(theirs)} if theirs else {}
    result = {
        **_beside(read, middle['load_episode'], 'rosbags', middle['rosbags, the same topics']),
        'limit_share': middle['bytes of the file, read once'] / middle['load_episode'],
        'unit': 'messages/s',
        'machine': machine_line(),
        'runs': runs, 'bag_bytes': size,
        'columns': {'unit': 'messages/s', **_beside(
            read + count['joy'], middle['every column'], 'rosbags',
            middle['rosbags, every topic but the camera'])},
        'images': {'unit': 'frames/s', **_beside(
            count['camera'], middle['frames'], 'cv2.imdecode', middle['cv2.imdecode'])},
        'cache_s': middle['load_episode from the cache'],
        'windows': {'unit': 'windows/s', 'ours': windows, 'peers': lerobot,
                    'ratio': {name: windows / value for name, value in lerobot.items()},
                    'without_loader': 1000 * BATCH / middle['1000 batches'],
                    'build_dataset_s': middle['build_dataset']}}
    if options.json:
        print(json.dumps(result))
        return
    print(f'{options.minutes:g} minutes, {sum(count.values()):,} messages, {size / 1e6:.0f} MB '
          f'({result["machine"]}); seconds:')
    for name, values in runs.items():
        print(f'  {name:36} median {middle[name]:8.4f}   [{min(values):.4f}, {max(values):.4f}]')
    for title, part in (('bag to arrays', result), ('every field', result['columns']),
                        ('images', result['images']), ('windows', result['windows'])):
        for peer, value in part['peers'].items():
            print(f'  {title}: {part["ours"]:,.0f} {part["unit"]}, {peer} {value:,.0f}: '
                  f'{part["ratio"][peer]:.2f} times')
    part = result['windows']
    print(f'  windows: {part["ours"]:,.0f} windows/s of observations and actions through a '
          f'DataLoader, {part["without_loader"]:,.0f} indexed as our trainer does')
    if not lerobot:
        print('  LeRobotDataset is not installed: bench/setup lerobot')


def _beside(work: int, ours_s: float, name: str, peer_s: float) -> dict[str, Any]:
    """Return both rates and their ratio."""
    return {'ours': work / ours_s, 'peers': {name: work / peer_s},
            'ratio': {name: peer_s / ours_s}}


if __name__ == '__main__':
    main()
