"""
The deployed policy: how long it thinks, how soon it starts, what it adds to DDS.

bench/inference.py [--json], with the environment of ``./ilw shell``. One thread, batch 1. Beside
ONNX Runtime alone and torch on the same network, and beside an echo of the same messages by bare
rclpy. The network for images stands alone: no contract has a camera yet.
"""

import argparse
from collections.abc import Callable
import io
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('ILW_CONFIG', str(ROOT / 'config'))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
sys.path[:0] = [str(ROOT / 'src' / name) for name in ('ilw_core', 'ilw_data', 'ilw_learner')]

from machine import machine_line  # noqa: E402
import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402
import torch  # noqa: E402

from ilw_core.align import Observation  # noqa: E402
from ilw_core.contract.file import load_contract  # noqa: E402
from ilw_core.storage.locate import config_file  # noqa: E402
from ilw_learner.algorithms.cloned_policy import (  # noqa: E402
    BcConfig,
    BehaviourCloning,
    cloning_sizes,
)
from ilw_learner.checkpoint.export import to_onnx  # noqa: E402
from ilw_learner.checkpoint.folder import save_checkpoint  # noqa: E402
from ilw_learner.networks.fused_mlp import FusedMlp  # noqa: E402
from ilw_learner.networks.normalizer import Normalizer  # noqa: E402
from ilw_learner.runtime.graph import Graph  # noqa: E402
from ilw_learner.runtime.runner import PolicyRunner  # noqa: E402

CONTRACT = load_contract(config_file('tasks', 'clutter'))
PATIENCE_S = 1.0
"""An answer that takes longer is none"""
ECHO = """
import rclpy
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import LaserScan
from ilw_msgs.msg import ActionChunk
from ilw_ros import qos
from ilw_ros.transport import start_ros
start_ros()
node = rclpy.create_node('echo')
out = node.create_publisher(ActionChunk, 'policy/action', qos.REQUEST)

def answer(message):
    chunk = ActionChunk()
    chunk.header.stamp = chunk.observation_stamp = message.header.stamp
    out.publish(chunk)

node.create_subscription(Odometry, 'odom', lambda message: None, qos.STATE)
node.create_subscription(PoseStamped, 'goal', lambda message: None, qos.STATE)
node.create_subscription(LaserScan, 'scan', answer, qos.STATE)
rclpy.spin(node)
"""
POLICY = 'import sys; from ilw_learner.nodes.policy_node import main; sys.exit(main())'


class Cnn(torch.nn.Module):
    """The convolutions of Mnih et al. 2015 for a colour image of 84 by 84, and 256 units."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn
        self.net = nn.Sequential(
            nn.Conv2d(3, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(),
            nn.Conv2d(64, 64, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 256), nn.ReLU(),
            nn.Linear(256, 2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (B, 2) for (B, 3, 84, 84)."""
        return self.net(images)


def percentiles(call: Callable[[], object], times: int) -> dict[str, float]:
    """Return the median and the 99th percentile of a call [us]."""
    for _ in range(times // 20):
        call()
    spent = np.empty(times)
    for i in range(times):
        begin = time.perf_counter_ns()
        call()
        spent[i] = time.perf_counter_ns() - begin
    return {'p50': float(np.percentile(spent, 50)) / 1e3,
            'p99': float(np.percentile(spent, 99)) / 1e3}


def session(path: Path) -> ort.InferenceSession:
    """Return a bare session on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def thinking(folder: Path, policy: BehaviourCloning, rounds: int) -> dict[str, dict]:
    """Measure the policies, alternating; return the median round of each [us]."""
    rng = np.random.default_rng(0)
    seen = Observation(0, rng.uniform(CONTRACT.obs_low, CONTRACT.obs_high).astype(np.float32),
                       np.ones(CONTRACT.obs_dim, dtype=bool), 0)
    runner = PolicyRunner(folder / 'checkpoint', CONTRACT)

    def act() -> None:
        runner.observe(seen)
        runner.act()

    window = seen.values[None, None]
    bare = session(folder / 'checkpoint' / 'policy.onnx')
    cnn, images = Cnn().eval(), rng.normal(size=(1, 3, 84, 84)).astype(np.float32)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(cnn, (torch.as_tensor(images),), buffer, dynamo=False,
                          input_names=['observation'], output_names=['action'])
    (folder / 'cnn.onnx').write_bytes(buffer.getvalue())
    graph, bare_cnn = Graph(buffer.getvalue(), images.shape), session(folder / 'cnn.onnx')

    def eager(network: torch.nn.Module, values: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(values)).numpy()

    cases: dict[str, tuple[Callable[[], object], int]] = {
        'mlp, ours': (act, 20_000),
        'mlp, onnxruntime': (lambda: bare.run(['action'], {'observation': window}), 20_000),
        'mlp, torch': (lambda: eager(policy, window), 5_000),
        'cnn, ours': (lambda: graph(images), 3_000),
        'cnn, onnxruntime': (lambda: bare_cnn.run(['action'], {'observation': images}), 3_000),
        'cnn, torch': (lambda: eager(cnn, images), 1_000),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (call, times) in cases.items():
            found[name].append(percentiles(call, times))
    return {name: sorted(runs, key=lambda run: run['p99'])[len(runs) // 2]
            for name, runs in found.items()}


def round_trips(command: list[str], ticks: int) -> dict[str, float]:
    """
    Return the time from a scan to the action it leads to [ms], and when the first came [s].

    At most fifty ticks a second, so that nothing queues. An answer that takes longer than
    ``PATIENCE_S`` counts as that, and is counted.
    """
    from geometry_msgs.msg import PoseStamped
    from nav_msgs.msg import Odometry
    import rclpy
    from sensor_msgs.msg import LaserScan

    from ilw_msgs.msg import ActionChunk
    from ilw_ros import qos
    from ilw_ros.spinning.executor import OneThreadExecutor

    node = rclpy.create_node('robot')
    executor = OneThreadExecutor()
    executor.add_node(node)
    publishers = [node.create_publisher(kind, topic, qos.STATE) for kind, topic in (
        (PoseStamped, 'goal'), (Odometry, 'odom'), (LaserScan, 'scan'))]
    step = 2 * np.pi / 36
    scan = LaserScan(angle_min=-3.1, angle_max=-3.1 + 35 * step, angle_increment=step,
                     range_min=0.05, range_max=6.0, ranges=[2.0] * 36)
    messages = [PoseStamped(), Odometry(), scan]
    messages[1].pose.pose.orientation.w = 1.0
    answered: dict[int, float] = {}
    node.create_subscription(
        ActionChunk, 'policy/action',
        lambda m: answered.setdefault(m.observation_stamp.nanosec, time.perf_counter()),
        qos.REQUEST)
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spent, first, tick = [], None, 0
    try:
        while len(spent) < ticks and time.perf_counter() - begin < 120.0:
            tick += 1
            # Two periods apart, stamped so that every one completes a tick of the contract.
            for message in messages:
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(
                    tick * CONTRACT.period_ns, 10**9)
            key, sent = messages[2].header.stamp.nanosec, time.perf_counter()
            answered.clear()
            for publisher, message in zip(publishers, messages, strict=True):
                publisher.publish(message)
            # The first answer is waited for by asking again; from then on each counts.
            patience_s = 0.05 if first is None else PATIENCE_S
            while key not in answered and time.perf_counter() - sent < patience_s:
                executor.spin_once(timeout_sec=0.05)
            if key in answered:
                if first is None:
                    first = time.perf_counter() - begin
                spent.append(answered[key] - sent)
            elif first is not None:
                spent.append(PATIENCE_S)
            while time.perf_counter() - sent < 0.02:
                executor.spin_once(timeout_sec=0.002)
        maps = Path(f'/proc/{child.pid}/maps').read_text()
    finally:
        child.terminate()
        child.wait(10.0)
        executor.remove_node(node)
        node.destroy_node()
    if len(spent) < ticks:
        sys.exit(f'Only {len(spent)} of {ticks} answers came.')
    warm = 1e3 * np.array(spent[ticks // 10:])
    return {'p50': float(np.percentile(warm, 50)), 'p99': float(np.percentile(warm, 99)),
            'most': float(warm.max()), 'late': int((warm >= 50.0).sum()),
            'unanswered': int((warm >= 1e3 * PATIENCE_S).sum()),
            'first_s': first or 0.0, 'torch': 'libtorch' in maps}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--ticks', type=int, default=600)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = BcConfig()
    spread = Normalizer.of_bounds(CONTRACT.obs_low, CONTRACT.obs_high)
    policy = BehaviourCloning(CONTRACT, config, spread, Normalizer.of_bounds(
        CONTRACT.action.low, CONTRACT.action.high), torch.nn.Identity())
    sizes = cloning_sizes(CONTRACT, config, policy.inputs)
    policy.net = FusedMlp(sizes, torch.Generator().manual_seed(0), torch.device('cpu')).module()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_checkpoint(folder / 'checkpoint', CONTRACT, {'history': 1, 'horizon': 1}, {
            'policy.onnx': to_onnx(policy.eval(), CONTRACT, 1), 'weights.safetensors': b''})
        found = thinking(folder, policy, options.rounds)
        trips = over_dds(folder / 'checkpoint', options.rounds, options.ticks)
    ours = found['mlp, ours']['p99']
    peers = {name: found[f'mlp, {name}']['p99'] for name in ('onnxruntime', 'torch')}
    result = {
        'ours': ours, 'peers': peers, 'ratio': {k: ours / v for k, v in peers.items()},
        'limit_share': peers['onnxruntime'] / ours, 'unit': 'us, 99th percentile, MLP 256-256',
        'thinking_us': found, 'dds_ms': trips,
        'dds_ratio_p99': trips['policy_node']['p99'] / trips['echo']['p99'],
        'machine': machine_line(), 'runs': options.rounds}
    if options.json:
        print(json.dumps(result))
        return
    print(f'One decision [us] ({result["machine"]}):')
    for name, value in found.items():
        print(f'  {name:20} median {value["p50"]:7.1f}   p99 {value["p99"]:7.1f}')
    print('Scan to action over DDS [ms], and from the start of the process to the first action:')
    for name, value in trips.items():
        print(f'  {name:20} median {value["p50"]:7.2f}   p99 {value["p99"]:7.2f}   '
              f'most {value["most"]:7.1f}, {value["late"]:g} slower than 50, '
              f'{value["unanswered"]:g} unanswered   first {value["first_s"]:.2f} s   '
              f'torch loaded: {value["torch"]}')
    print(f'  ratio of p99 {result["dds_ratio_p99"]:.2f}')


def over_dds(checkpoint: Path, rounds: int, ticks: int) -> dict[str, dict[str, float]]:
    """Measure the node and the echo, alternating; return the median round of each."""
    import rclpy

    from ilw_ros.transport import start_ros

    start_ros()
    commands = {
        'policy_node': [sys.executable, '-c', POLICY, '--ros-args', '-p', 'contract:=clutter',
                        '-p', f'checkpoint:={checkpoint}', '-p', 'use_sim_time:=true'],
        'echo': [sys.executable, '-c', ECHO]}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(round_trips(command, ticks))
    rclpy.shutdown()
    return {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in found.items()}


if __name__ == '__main__':
    main()
