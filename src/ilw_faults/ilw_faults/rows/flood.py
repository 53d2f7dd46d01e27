"""10,000 messages per second on one input after the other, by a process of their own."""

import subprocess
import sys
import time

from std_srvs.srv import Trigger

from ilw_faults.loop import Loop
from ilw_faults.nodes.flooder import RATE_HZ, SECONDS
from ilw_faults.row import Fault, Seen

INPUTS = {
    'joy': 'sensor_msgs/msg/Joy', 'teleop/action': 'ilw_msgs/msg/ActionChunk',
    'policy/action': 'ilw_msgs/msg/ActionChunk', 'episode/event': 'ilw_msgs/msg/EpisodeEvent',
    'reward': 'ilw_msgs/msg/Reward', 'scan': 'sensor_msgs/msg/LaserScan',
    'odom': 'nav_msgs/msg/Odometry', 'goal': 'geometry_msgs/msg/PoseStamped',
}
_STOP_WITHIN_S = 1.0
"""The emergency stop under a flood: it waits behind what was sent before it"""


def _flooded(topic: str, kind: str) -> Fault:
    fault = f'flood of {RATE_HZ} messages/s on {topic}'
    expected = ('nothing dies, no command outside limits; the emergency stop works within '
                f'{_STOP_WITHIN_S:.0f} s; drives again afterwards')

    def inject(loop: Loop) -> Seen:
        loop.drive()
        loop.save_an_episode()
        command = [sys.executable, '-P', '-m', 'ilw_faults.nodes.flooder', topic, kind]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as flood:
            assert flood.stdout
            flood.stdout.readline()
            time.sleep(SECONDS / 2)
            at = time.monotonic()
            loop.call(Trigger, 'arbiter/estop', Trigger.Request())
            sent = int(flood.stdout.readline() or 0)
        stopped = loop.spy.stopped_at(at)
        reaction = None if stopped is None else stopped - at
        loop.call(Trigger, 'arbiter/reset', Trigger.Request(), again=True)
        loop.drive()
        dead = loop.fleet.dead()
        text = (f'{sent / SECONDS:,.0f} messages/s; '
                + ('the emergency stop FAILED' if reaction is None else
                   f'emergency stop after {1000 * reaction:.0f} ms')
                + f', {len(dead)} nodes died, then drove again')
        return loop.seen(text, reaction,
                        not dead and sent > 0.5 * SECONDS * RATE_HZ
                        and reaction is not None and reaction <= _STOP_WITHIN_S)

    return Fault(fault, expected, inject, slow=topic not in ('joy', 'policy/action', 'scan'),
                 nodes={})


FAULTS = tuple(_flooded(topic, kind) for topic, kind in INPUTS.items())
