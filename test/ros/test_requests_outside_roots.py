"""
A stranger asks every service, action and topic of the graph for files that are none of theirs.

Each string of each request is one of twenty paths outside the folders that may be named. Nothing
of those files may come back: in answers, feedback, results, status, diagnostics or log messages.
And every node must live, and answer, afterwards.
"""

from importlib import import_module
import json
import os
from pathlib import Path
import signal
import time

import pytest

pytest.importorskip('rclpy')
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rclpy.action import ActionClient, get_action_names_and_types
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rosidl_parser import definition as idl

from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.private_domain import private_domain
from ilw_core.errors import IlwError
from ilw_faults.loop import Loop
from ilw_msgs.action import Evaluate, RunPolicy, Train
from ilw_msgs.srv import LoadPolicy

MARK = 'ILW-SECRET'
ANY = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE,
                 durability=DurabilityPolicy.TRANSIENT_LOCAL)
CLOCK = {'use_sim_time': True}
NOT_AIMED = {'/clock', '/rosout', '/parameter_events'}
ENDS_A_NODE = ('change_state',)
"""Services that switch a node off are not asked to: it would be silent for that reason"""


def secrets(folder, inside):
    """Write files with a mark in them, and links to them from inside; return twenty paths."""
    key = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()).decode()
    body = key.splitlines()[1]
    texts = {
        'robot.key': key, 'robot.pem': f'{MARK}\n{key}', '.env': f'TOKEN={MARK}-env\n',
        'contract.yaml': f'name: {MARK}\nversion: {MARK}-version\n', 'broken.yaml': f'a: [{MARK}',
        'config.yaml': f'algorithm: {MARK}\n', 'tag.yaml': f'!!python/name:{MARK} x\n',
        'state.json': json.dumps({'schema': MARK}), 'broken.json': '{"' + MARK,
        'binary': '\0\1' + MARK + '\xff', 'no_newline': MARK,
        'urdf.xml': f'<robot name="{MARK}"/>',
        'bag/episode.json': json.dumps({'schema': MARK}), 'bag/metadata.yaml': f'{MARK}: [',
        'bag/bag.mcap': MARK, 'checkpoint/policy.yaml': f'schema: {MARK}\n',
        'checkpoint/policy.onnx': MARK, 'history.jsonl': MARK}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='latin-1')
    os.mkfifo(folder / 'pipe.yaml')
    for name in ('checkpoint', 'bag', 'contract.yaml'):
        (inside / f'link_{name}').symlink_to(folder / name)
    paths = [str(folder / name) for name in (
        'robot.key', 'robot.pem', '.env', 'contract.yaml', 'broken.yaml', 'config.yaml',
        'tag.yaml', 'state.json', 'broken.json', 'binary', 'no_newline', 'bag', 'checkpoint',
        'pipe.yaml')]
    paths += [str(inside / 'link_checkpoint'), str(inside / 'link_bag'),
              str(inside / 'link_contract.yaml'), f'../{folder.name}/robot.key',
              '/proc/self/environ', '/etc/passwd']
    assert len(paths) == 20
    return paths, (MARK, body, 'root:x:0:0', 'ILW_TEST_ENVIRONMENT')


def interface(kind):
    """Return the class of ``package/msg/Name``, a service's or an action's likewise."""
    package, sort, name = kind.split('/')
    return getattr(import_module(f'{package}.{sort}'), name)


def fill(message, text, depth=0):
    """Put a text into every string of a message, however deep; return whether there was one."""
    found = False
    for place, name in enumerate(message.get_fields_and_field_types()):
        kind, value = type(message).SLOT_TYPES[place], getattr(message, name)
        if isinstance(kind, idl.AbstractGenericString):
            setattr(message, name, text)
            found = True
        elif isinstance(kind, idl.NamespacedType):
            found |= fill(value, text, depth + 1)
        elif isinstance(kind, (idl.UnboundedSequence, idl.BoundedSequence)):
            item = kind.value_type
            if isinstance(item, idl.AbstractGenericString):
                setattr(message, name, [text])
                found = True
            elif isinstance(item, idl.NamespacedType) and depth < 3:
                one = interface('/'.join([*item.namespaces, item.name]))()
                fill(one, text, depth + 1)
                setattr(message, name, [one])
                found = True
    return found


class Stranger:
    """Running nodes, and somebody who asks all of them for everything."""

    def __init__(self, folder):
        self.inside, self.outside = folder / 'inside', folder / 'outside'
        self.inside.mkdir()
        self.outside.mkdir()
        self.paths, self.marks = secrets(self.outside, self.inside)
        self.heard = []
        self.loop = Loop(self.inside, with_policy=True)
        trainer = NodeSpec('ilw_learner', 'trainer_node', 'trainer', {
            'contract': 'clutter', 'env': 'none', 'runs': str(self.inside / 'runs'),
            'demonstrations': str(self.inside), 'configs': str(self.inside),
            'checkpoints': str(self.inside), **CLOCK})
        self.loop.specs[trainer.name] = trainer

    def __enter__(self):
        self.loop.__enter__()
        self.node = self.loop.spy.node
        self.loop.until(lambda: set(self.loop.specs) <= set(self.node.get_node_names()), 40.0,
                        'all nodes')
        self.loop.drive()
        self.services = self._ready(self._find_services, 15)
        self.actions = self._ready(self._find_actions, 4)
        self.topics = self._ready(self._find_topics, 8)
        for topic, types in self.node.get_topic_names_and_types():
            try:
                kind = interface(types[0])
            except (ModuleNotFoundError, AttributeError, ValueError):
                continue
            self.node.create_subscription(
                kind, topic, lambda m, t=topic: self.heard.append((t, m)),
                qos_profile_sensor_data)
        return self

    def __exit__(self, *error):
        self.loop.__exit__(*error)

    def _ready(self, find, least):
        self.loop.until(lambda: len(find()) >= least, 30.0, f'{least} of {find.__name__}')
        return find()

    def _find_services(self):
        found = {}
        for name in self.loop.specs:
            for service, types in self.node.get_service_names_and_types_by_node(name, '/'):
                if '_action/' not in service and not service.endswith(ENDS_A_NODE):
                    found[service] = interface(types[0])
        return found

    def _find_actions(self):
        return {name: interface(types[0])
                for name, types in get_action_names_and_types(self.node)}

    def _find_topics(self):
        found = {}
        for name in self.loop.specs:
            for topic, types in self.node.get_subscriber_names_and_types_by_node(name, '/'):
                if topic not in NOT_AIMED and '_action/' not in topic:
                    found[topic] = interface(types[0])
        return found

    def ask_services(self, paths):
        """Ask each service for each path; returns the answers by service."""
        answers = []
        for name, kind in self.services.items():
            client = self.node.create_client(kind, name)
            self.loop.until(client.service_is_ready, 20.0, name)
            requests = [kind.Request() for _ in paths]
            if any([fill(r, path) for r, path in zip(requests, paths, strict=True)]):
                for few in (requests[i:i + 5] for i in range(0, len(paths), 5)):
                    asked = [client.call_async(request) for request in few]  # a queue holds ten
                    self.loop.until(lambda a=asked: all(f.done() for f in a), 30.0,
                                    f'answers of {name}')
                    answers += [(name, future.result()) for future in asked]
            self.node.destroy_client(client)
        self.heard += answers
        return answers

    def ask_actions(self, paths):
        """Send each action a goal per path, and cancel what would go on; returns the results."""
        results = []
        for name, kind in self.actions.items():
            client = ActionClient(self.node, kind, name)
            self.loop.until(client.server_is_ready, 20.0, name)
            for path in paths:
                goal = kind.Goal()
                fill(goal, path)
                if hasattr(goal, 'episodes'):
                    goal.episodes = 1
                results += self._one_goal(client, name, goal)
            client.destroy()
        self.heard += results
        return results

    def _one_goal(self, client, name, goal):
        sent = self._call(lambda: client.send_goal_async(goal, feedback_callback=lambda f:
                          self.heard.append((name, f.feedback))), 20.0, f'whether {name} takes it')
        if not sent.accepted:
            return []
        try:
            result = self._call(sent.get_result_async, 2.0, f'a result of {name}')
        except IlwError:  # it works on it: end that
            sent.cancel_goal_async()
            result = self._call(sent.get_result_async, 20.0, f'the end of {name}')
        return [(name, result.result)]

    def _call(self, call, timeout_s, what):
        """
        Return what the future that a call gives will hold.

        It is called in the thread that hears the answer: rclpy takes one that comes before it has
        noted the request for an answer to somebody else.
        """
        task = self.node.executor.create_task(call)
        self.loop.until(lambda: task.done() and task.result().done(), timeout_s, what)
        return task.result().result()

    def publish(self, paths):
        """Publish a message with each path on each topic that a node listens to."""
        publishers = {topic: self.node.create_publisher(kind, topic, ANY)
                      for topic, kind in self.topics.items()}
        self.loop.until(lambda: all(p.get_subscription_count() for p in publishers.values()),
                        20.0, 'who listens')
        for path in paths:
            for publisher in publishers.values():
                message = publisher.msg_type()
                if fill(message, path):
                    publisher.publish(message)
            time.sleep(0.02)
        time.sleep(0.5)
        for publisher in publishers.values():
            self.node.destroy_publisher(publisher)

    def told(self):
        """Return what came back that holds something of a secret."""
        heard, self.heard = self.heard, []
        assert len(heard) > 20
        return [(name, mark) for name, message in heard for mark in self.marks
                if mark in str(message)]

    def dead(self):
        return {name: self.loop.fleet.last_words(name) for name in self.loop.fleet.dead()}


@pytest.fixture(autouse=True)
def domain():
    """All tests here ask the same nodes, which are in one domain."""


@pytest.fixture(scope='module')
def stranger(tmp_path_factory):
    with private_domain(), pytest.MonkeyPatch.context() as patch:
        patch.setenv('ILW_TEST_ENVIRONMENT', f'{MARK}-environment')
        with Stranger(tmp_path_factory.mktemp('stranger')) as found:
            yield found


def answers_of(results, name):
    return [answer for asked, answer in results if asked == name]


def test_no_service_gives_back_anything_of_a_file_outside(stranger):
    answers = stranger.ask_services(stranger.paths)
    assert not stranger.told()
    assert not stranger.dead()
    loads = answers_of(answers, '/policy/load')
    assert len(loads) == 20
    refusals = (LoadPolicy.Response.ERROR_NOT_ALLOWED, LoadPolicy.Response.ERROR_BUSY)
    assert all(answer.error_code in refusals for answer in loads), loads
    for name, answer in answers:
        if hasattr(answer, 'error_msg'):
            assert len(answer.error_msg) < 1000 and '\n' not in answer.error_msg, name


def test_no_action_gives_back_anything_of_a_file_outside(stranger):
    results = stranger.ask_actions(stranger.paths)
    assert not stranger.told()
    assert not stranger.dead()
    for name, refusal in (('/train', Train.Result.ERROR_NOT_ALLOWED),
                          ('/evaluate', Evaluate.Result.ERROR_NOT_ALLOWED),
                          ('/policy/run', RunPolicy.Result.ERROR_NOT_ALLOWED)):
        answers = answers_of(results, name)
        assert len(answers) == 20
        assert {answer.error_code for answer in answers} == {refusal}, name
        assert all('\n' not in a.error_msg and len(a.error_msg) < 300 for a in answers)


def test_no_topic_gives_back_anything_of_a_file_outside(stranger):
    stranger.publish(stranger.paths)
    assert not stranger.told()
    assert not stranger.dead()


def test_after_all_that_every_node_lives_and_answers(stranger):
    for path in Path(stranger.outside).rglob('*'):
        assert path.exists()
    assert not stranger.dead()
    answers = stranger.ask_services(['x'])
    assert {name.split('/')[1] for name, _ in answers} >= {'policy', 'record', 'sim'}
    for name in stranger.loop.specs:
        os.kill(stranger.loop.fleet.pid(name), signal.SIGCONT)  # it is there
    stranger.loop.drive()
