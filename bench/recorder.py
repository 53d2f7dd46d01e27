"""
What the recorder loses, and what it costs: real processes, real DDS, numbered messages.

bench/recorder.py [--seconds 600] [--json], with the environment of ``./ilw shell``. A 1 kHz
JointState, two cameras (640x480 JPEG, 30 Hz, best effort), a 360-beam scan at 20 Hz, odometry at
100 Hz, commands at 10 Hz. Afterwards the bag is counted, number by number.
"""

import argparse
import json
import os
from pathlib import Path
import shutil
import signal
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('ILW_CONFIG', str(ROOT / 'config'))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ.setdefault('ROS_DOMAIN_ID', '41')

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from machine import machine_line  # noqa: E402

from ilw_data.bag.message_definitions import schema_text  # noqa: E402
from ilw_data.bag.writer import WrittenTopic  # noqa: E402
from ilw_faults.stream_loop import StreamLoop, count  # noqa: E402
from ilw_teleop.recording.gate import RecordingGate  # noqa: E402


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=600.0)
    parser.add_argument('--stall', type=float, default=0.0, metavar='S',
                        help='stop the recorder for so long every two seconds, as a machine does '
                             'that is busy with something else')
    parser.add_argument('--json', action='store_true')
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix='ilw_recorder_'))
    try:
        result = measure(folder, options.seconds, options.stall)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result['machine'] = machine_line()
    if options.json:
        print(json.dumps(result))
    else:
        print(f'{result["seconds"]:.0f} s ({result["machine"]}): lost {result["lost"]} of '
              f'{result["messages"]} messages, dropped {result["dropped"]}')
        for topic, (recorded, lost, rate) in result['topics'].items():
            print(f'  {topic:26} {recorded:8} recorded, {rate:7.1f} Hz   {lost} lost')
        memory = result['memory_mb']
        print(f'  recorder: {result["cpu_share"]:.2f} of a core, {memory["start"]:.0f} MB at the '
              f'start, {memory["peak"]:.0f} MB at most, '
              f'{result["mb_per_s"]:.1f} MB/s; at most {result["waiting_mb"]:.1f} MB waited; '
              f'the gate takes {result["gate_us"]:.1f} us per message')
        print(f'  quality: {result["quality"]}')
    sys.exit(1 if result['lost'] or result['dropped'] else 0)


def measure(folder: Path, seconds: float, stall_s: float) -> dict:
    """Record for a while, and count."""
    with StreamLoop(folder) as loop:
        waiting = [0.0]
        loop.spy.node.create_subscription(DiagnosticArray, '/diagnostics', lambda array: waiting
                                          .extend(waiting_mb(array)), 100)
        loop.begin_an_episode()
        process, begin = loop.recorder, time.monotonic()
        busy = sum(process.cpu_times()[:2])
        memory = [process.memory_info().rss / 1e6]
        while time.monotonic() - begin < seconds:
            time.sleep(2.0 if stall_s else 0.5)
            if stall_s:
                loop.strike('recorder', signal.SIGSTOP)
                time.sleep(stall_s)
                loop.strike('recorder', signal.SIGCONT)
            memory.append(process.memory_info().rss / 1e6)
            loop.spy.trim()
        share = (sum(process.cpu_times()[:2]) - busy) / (time.monotonic() - begin)
        episode = loop.stop()
        dropped = loop.spy.status.dropped
    meta = json.loads((episode / 'episode.json').read_text())
    quality = json.loads((episode / 'quality.json').read_text())
    counts = count(episode)
    took = (meta['end_ns'] - meta['begin_ns']) / 1e9
    return {
        'seconds': took, 'messages': sum(c.recorded for c in counts.values()),
        'lost': sum(c.lost for c in counts.values()), 'dropped': dropped,
        'topics': {t: (c.recorded, c.lost, c.recorded / took) for t, c in counts.items()},
        'cpu_share': share, 'memory_mb': {'start': memory[0], 'peak': max(memory)},
        'mb_per_s': meta['bytes'] / 1e6 / took, 'waiting_mb': max(waiting),
        'quality': quality['reasons'] or 'good', 'gate_us': gate_us(folder)}


def waiting_mb(array: DiagnosticArray) -> list[float]:
    """Return what the recorder says that waits for the disk [MB]."""
    return [float(pair.value) for status in array.status for pair in status.values
            if pair.key.startswith('waiting')]


def gate_us(folder: Path) -> float:
    """Return what judging one message of a contract topic takes [us]."""
    from nav_msgs.msg import Odometry
    from rclpy.serialization import serialize_message

    from ilw_core.contract.file import load_contract
    kind = 'nav_msgs/msg/Odometry'
    gate = RecordingGate(load_contract(folder / 'stream.yaml'), same_clock=False)
    gate.begin(0)
    topic, data = WrittenTopic('/odom', kind, schema_text(kind)), serialize_message(Odometry())
    gate.heard('odom', topic, data, 0)
    gate.take('odom', topic, data, 1, 1)
    rounds, period_ns = 20_000, 1_000_000  # 1 kHz
    begin = time.process_time()
    for k in range(rounds):
        gate.take('odom', topic, data, k * period_ns, k * period_ns)
    return (time.process_time() - begin) / rounds * 1e6


if __name__ == '__main__':
    main()
