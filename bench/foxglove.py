"""
What Foxglove's server takes of a core: ten topics at 100 Hz, one client that subscribes to all.

    python bench/foxglove.py [--seconds 20] [--json FILE]

The publisher, a process of its own, sends joint states of seven joints; the client is
``test/ros/foxglove_client.py``. It prints the processor time of the server's process over the
time that passed, and how many of the messages came.
"""

import argparse
import asyncio
import json
import os
from pathlib import Path
import subprocess
import sys
import time

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test' / 'ros'))
from foxglove_client import FoxgloveClient

TOPICS, RATE_HZ, PORT = 10, 100, 8799
SERVER = 'from ilw_web.nodes.foxglove_node import main; raise SystemExit(main())'
PUBLISHER = f"""
import time
import rclpy
from sensor_msgs.msg import JointState
from ilw_ros.qos import STATE_OFFER
rclpy.init()
node = rclpy.create_node('load')
all_of_them = [node.create_publisher(JointState, f'load/t{{i}}', STATE_OFFER)
               for i in range({TOPICS})]
message = JointState(name=[f'joint_{{i}}' for i in range(7)], position=[0.5] * 7,
                     velocity=[0.1] * 7, effort=[1.0] * 7)
begin, sent = time.monotonic(), 0
while True:
    stamp = time.time_ns()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
    for each in all_of_them:
        each.publish(message)
    sent += 1
    time.sleep(max(0.0, begin + sent / {RATE_HZ} - time.monotonic()))
"""


async def measured(server: psutil.Process, seconds: float) -> dict[str, float]:
    """Return what the server took and passed on while all topics were looked at."""
    client = await FoxgloveClient.connect(PORT, 90.0)
    names = [f'/load/t{i}' for i in range(TOPICS)]
    await client.until(lambda c: set(names) <= c.topics.keys(), 90.0)
    idle_s, begin = sum(server.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(5.0)
    idle = (sum(server.cpu_times()[:2]) - idle_s) / (time.monotonic() - begin)
    await client.subscribe(*names)
    await client.until(lambda c: all(len(each) > RATE_HZ for each in c.received.values()), 60.0)
    before = sum(map(len, client.received.values()))
    used_s, begin = sum(server.cpu_times()[:2]), time.monotonic()
    await client.until(lambda _: time.monotonic() - begin > seconds, seconds + 5.0)
    wall_s = time.monotonic() - begin
    found = {
        'core_percent': 100 * (sum(server.cpu_times()[:2]) - used_s) / wall_s,
        'idle_percent': 100 * idle, 'seconds': wall_s,
        'messages_per_s': (sum(map(len, client.received.values())) - before) / wall_s}
    await client.close()
    return found


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--json', type=Path)
    given = parser.parse_args()
    children = [subprocess.Popen([sys.executable, '-c', SERVER, '--ros-args', '-p',
                                  f'port:={PORT}'], env=dict(os.environ)),
                subprocess.Popen([sys.executable, '-c', PUBLISHER], env=dict(os.environ))]
    try:
        found = asyncio.run(measured(psutil.Process(children[0].pid), given.seconds))
    finally:
        children[1].kill()
        children[0].terminate()
        for child in children:
            child.wait()
    print(f'{TOPICS} topics, {RATE_HZ} Hz each: {found["core_percent"]:.1f} % of a core, '
          f'{found["messages_per_s"]:.0f} messages/s came; nobody looking: '
          f'{found["idle_percent"]:.1f} %')
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == '__main__':
    main()
