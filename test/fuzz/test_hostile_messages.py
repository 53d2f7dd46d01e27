"""
Every real node hears hostile messages on every one of its subscriptions, over real DDS.

Valid types with hostile content and bytes that are no message; afterwards all nodes live, answer,
and have commanded nothing outside the contract's limits.
"""

from copy import deepcopy
import time

import pytest

pytest.importorskip('rclpy')
from fuzz.attacker import Attacker
from rclpy.action import ActionClient
from rclpy.qos import qos_profile_sensor_data
from std_srvs.srv import Trigger

from ilw_bringup.asking import Asking
from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.private_domain import private_domain
from ilw_faults.loop import Loop
from ilw_msgs.action import RecordEpisode, RunPolicy
from ilw_msgs.srv import (
    DiscardEpisode,
    GetSimState,
    LoadPolicy,
    ResetSim,
    SetSimState,
    StartEpisode,
    StepSim,
    StopEpisode,
)
from ilw_ros.convert import message_class, time_msg

CLOCK = {'use_sim_time': True}
OTHERS = (NodeSpec('ilw_sim', 'expert_node', 'expert', {'contract': 'clutter', **CLOCK},
                   remappings={'joy': 'expert/joy'}),  # two on one topic drive nothing
          NodeSpec('ilw_teleop', 'status_node', 'status',
                   {'contract': 'clutter', 'view': True, **CLOCK}),
          NodeSpec('ilw_learner', 'trainer_node', 'trainer', {'contract': 'clutter', **CLOCK}))
STRIKES = 200
"""Per topic"""


class Siege:
    """A loop of all eight nodes, and an attacker who has listened to it first."""

    def __init__(self, folder):
        self.loop = Loop(folder, with_policy=True)
        self.loop.specs |= {spec.name: spec for spec in OTHERS}
        self.samples = {}

    def __enter__(self):
        self.loop.__enter__()
        try:
            self.listen()
        except BaseException:
            self.loop.__exit__()
            raise
        return self

    def listen(self):
        """Wait until all drive, and keep a message of every topic."""
        loop, node = self.loop, self.loop.spy.node
        loop.until(lambda: set(loop.specs) <= set(node.get_node_names()), 30.0, 'all nodes')
        loop.drive()
        loop.until(lambda: node.count_publishers('policy/action'), 20.0, 'the policy')
        self.attacker = Attacker(node, 1, self.truth)
        heard = [node.create_subscription(message_class(types[0]), topic,
                                          lambda m, t=topic: self.samples.__setitem__(t, m),
                                          qos_profile_sensor_data)
                 for topic, types in node.get_topic_names_and_types()
                 if types[0].count('/msg/') and not topic.startswith('/rosout')]
        loop.until(lambda: {'/teleop/action', '/policy/action', '/scan'} <= set(self.samples),
                   20.0, 'samples of every topic')
        for subscription in heard:
            node.destroy_subscription(subscription)

    def __exit__(self, *error):
        self.loop.__exit__(*error)

    def truth(self, topic):
        """Return a message as the topic really carries it, of this moment."""
        message = deepcopy(self.samples.get(topic))
        if hasattr(message, 'header'):
            message.header.stamp = time_msg(self.loop.now_ns())
        return message

    def strike(self, topics):
        """Publish on all topics in turn, no faster than the nodes can take in."""
        for _ in range(STRIKES):
            for topic in topics:
                self.attacker.strike(topic)
                time.sleep(0.0005)
            assert not self.loop.fleet.dead(), self.last_words()

    def leave(self):
        """Take the attacker's publishers off the graph."""
        for publisher in self.attacker.publishers.values():
            self.loop.spy.node.destroy_publisher(publisher)
        self.attacker.publishers.clear()

    def last_words(self):
        """Return who died, and of what."""
        return {name: self.loop.fleet.last_words(name) for name in self.loop.fleet.dead()}

    def call(self, kind, name, request, timeout_s=20.0):
        """Call a service of a node that is under siege: an answer may be lost."""
        return self.loop.call(kind, name, request, timeout_s, again=True)

    def alive(self):
        """Hold that every node runs and does its work."""
        loop, spy = self.loop, self.loop.spy
        before, heard = len(spy.states), spy.heard
        loop.until(lambda: len(spy.states) > before + 10 and spy.heard > heard + 10, 20.0,
                   'decisions and commands')
        for name in ('estop', 'reset', 'disarm'):
            assert self.call(Trigger, f'arbiter/{name}', Trigger.Request()).success
        assert self.call(LoadPolicy, 'policy/load',
                         LoadPolicy.Request(checkpoint='idle')).error_code == 0
        assert self.call(GetSimState, 'sim/get_state', GetSimState.Request()).state
        loop.until(self.knows_its_task, 20.0, 'the recorder to be at rest')
        loop.drive()
        assert not loop.fleet.dead(), self.last_words()

    def knows_its_task(self):
        """Tell whether the recorder has ended what it was told to, and refuses another task."""
        self.call(DiscardEpisode, 'record/discard', DiscardEpisode.Request())
        answer = self.call(StartEpisode, 'record/start', StartEpisode.Request(task='other'))
        return answer.error_code == StartEpisode.Response.ERROR_CONTRACT


@pytest.fixture(scope='module')
def siege(tmp_path_factory):
    folder = tmp_path_factory.mktemp('siege')
    with private_domain(), Siege(folder) as found:
        yield found


def ask(siege, kind, name, goal):
    """Send a goal of an action and wait for the answer, whatever it is."""
    client = ActionClient(siege.loop.spy.node, kind, name)
    siege.loop.until(client.server_is_ready, 20.0, name)
    asking = Asking(lambda: client.send_goal_async(goal))
    siege.loop.until(asking.answered, 20.0, f'an answer of {name}')
    if asking.answer().accepted:
        stopping = Asking(asking.answer().cancel_goal_async)
        siege.loop.until(stopping.answered, 20.0, f'the end of {name}')
    client.destroy()


def test_hostile_messages_end_no_node_and_move_nothing_out_of_limits(siege):
    own = siege.loop.contract.action.commands[0].topic
    # Another sender of commands is a fault of its own: the arbiter cannot keep it within limits.
    wanted = {'/joy', '/teleop/action', '/policy/action', '/scan', '/odom', '/goal', '/map',
              '/episode/event', '/sim/ground_truth'}

    def aimed():
        return siege.attacker.aim(list(siege.loop.specs), leave_out=('/clock', f'/{own}'))

    siege.loop.until(lambda: wanted <= set(aimed()), 20.0, 'every topic')
    siege.loop.until(siege.attacker.heard, 20.0, 'every subscription')
    siege.strike(aimed())
    assert min(siege.attacker.sent.values()) >= STRIKES // 2
    siege.leave()
    siege.alive()
    assert siege.loop.spy.heard > 50
    assert not siege.loop.spy.outside()


def test_hostile_requests_get_an_answer_and_escape_from_no_folder(siege):
    folder = siege.loop.folder
    texts = ('', '../../escaped', '/etc', 'a' * 100_000, '[' * 100_000, '{}', 'null',
             '{"schema": "ilw.sim_state/1", "seed": -1}', '--env=os:abort', '\n%s%n')
    for text in texts:
        for kind, name, request in (
            (SetSimState, 'sim/set_state', SetSimState.Request(state=text)),
            (ResetSim, 'sim/reset', ResetSim.Request(seed=2 ** 64 - 1, episode=text)),
            (LoadPolicy, 'policy/load', LoadPolicy.Request(checkpoint=text, seed=2 ** 64 - 1)),
            (StartEpisode, 'record/start', StartEpisode.Request(episode=text, notes=text)),
            (DiscardEpisode, 'record/discard', DiscardEpisode.Request()),
        ):
            siege.call(kind, name, request, 30.0)
    for values in ([float('nan')] * 2, [1e308, -1e308], [0.0] * 100_000, []):
        siege.call(StepSim, 'sim/step', StepSim.Request(ticks=2 ** 32 - 1, action=values), 60.0)
    for timeout_s in (float('inf'), float('nan'), 1e308, -1e308):
        ask(siege, RecordEpisode, 'record/episode', RecordEpisode.Goal(timeout_s=timeout_s))
        siege.call(DiscardEpisode, 'record/discard', DiscardEpisode.Request())
        ask(siege, RunPolicy, 'policy/run', RunPolicy.Goal(timeout_s=timeout_s))
    siege.call(StopEpisode, 'record/stop',
               StopEpisode.Request(outcome=255, stop_reason='x' * 9999))
    assert siege.call(ResetSim, 'sim/reset', ResetSim.Request(seed=1)).error_code == 0
    siege.alive()
    assert {path.name for path in folder.iterdir()} <= {'demos', 'log'}
    assert not (folder.parent / 'escaped').exists()


def test_a_hostile_clock_and_hostile_commands_end_no_node(siege):
    action = siege.loop.contract.action
    topics = siege.attacker.aim(['sim', 'arbiter'])
    command = f'/{action.commands[0].topic}'
    siege.strike([topic for topic in topics if topic in ('/clock', command)])
    siege.leave()
    siege.alive()
