"""10,000 messages per second on one input after the other, by a process of their own."""

from pathlib import Path
import subprocess
import sys
import time

from std_srvs.srv import Trigger

from ilw_core.text.terminal import echo
from ilw_faults.loop import Loop
from ilw_faults.row import Fault, Seen

RATE_HZ = 10_000
INPUTS = {
    'joy': 'sensor_msgs/msg/Joy', 'teleop/action': 'ilw_msgs/msg/ActionChunk',
    'policy/action': 'ilw_msgs/msg/ActionChunk', 'episode/event': 'ilw_msgs/msg/EpisodeEvent',
    'reward': 'ilw_msgs/msg/Reward', 'scan': 'sensor_msgs/msg/LaserScan',
    'odom': 'nav_msgs/msg/Odometry', 'goal': 'geometry_msgs/msg/PoseStamped',
}
_SECONDS = 2.0
_STOP_WITHIN_S = 1.0
"""The emergency stop under a flood: it waits behind what was sent before it"""


def _flooded(topic: str, kind: str) -> Fault:
    fault = f'flood of {RATE_HZ} messages/s on {topic}'
    expected = ('nothing dies, no command outside limits; the emergency stop works within '
                f'{_STOP_WITHIN_S:.0f} s; drives again afterwards')

    def inject(folder: Path) -> Seen:
        with Loop(folder) as loop:
            loop.drive()
            loop.save_an_episode()
            with subprocess.Popen([sys.executable, '-P', '-m', __name__, topic, kind],
                                  stdout=subprocess.PIPE, text=True) as flood:
                assert flood.stdout
                flood.stdout.readline()
                time.sleep(_SECONDS / 2)
                at = time.monotonic()
                loop.call(Trigger, 'arbiter/estop', Trigger.Request())
                sent = int(flood.stdout.readline() or 0)
            stopped = loop.spy.stopped_at(at)
            reaction = None if stopped is None else stopped - at
            loop.call(Trigger, 'arbiter/reset', Trigger.Request(), again=True)
            loop.drive()
            dead = loop.fleet.dead()
            text = (f'{sent / _SECONDS:,.0f} messages/s; '
                    + ('the emergency stop FAILED' if reaction is None else
                       f'emergency stop after {1000 * reaction:.0f} ms')
                    + f', {len(dead)} nodes died, then drove again')
            return loop.seen(text, reaction,
                            not dead and sent > 0.5 * _SECONDS * RATE_HZ
                            and reaction is not None and reaction <= _STOP_WITHIN_S)

    return Fault(fault, expected, inject, slow=topic not in ('joy', 'policy/action', 'scan'))


def flood(topic: str, kind: str) -> int:
    """Publish empty messages at the rate; returns how many there were."""
    import rclpy
    from rclpy.serialization import serialize_message

    from ilw_ros.convert import message_class
    from ilw_ros.qos import EVENT
    from ilw_ros.transport import start_ros

    start_ros()
    node = rclpy.create_node('flood')
    publisher = node.create_publisher(message_class(kind), topic, EVENT)
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    echo('begins')
    data, sent, begin = serialize_message(message_class(kind)()), 0, time.monotonic()
    while (passed := time.monotonic() - begin) < _SECONDS:
        for _ in range(int(passed * RATE_HZ) - sent):
            publisher.publish(data)
            sent += 1
        time.sleep(0.001)
    node.destroy_node()
    rclpy.try_shutdown()
    return sent


FAULTS = tuple(_flooded(topic, kind) for topic, kind in INPUTS.items())

if __name__ == '__main__':
    echo(flood(*sys.argv[1:]))
