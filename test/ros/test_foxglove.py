"""Foxglove's server on real nodes: bytes as they came, schemas, services, parameters, refusals."""

import asyncio
from contextlib import suppress
import os
from pathlib import Path
import socket
import subprocess
import sys

import pytest

pytest.importorskip('rclpy')
from foxglove_client import PROTOCOL, FoxgloveClient
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ilw_bringup.start.bringup import require_files, resolve
from ilw_core.errors import IlwError
from ilw_ros.qos import LATCHED, STATE_OFFER
from ilw_web.foxglove import server
from ilw_web.foxglove.server import foxglove_sdk, require_port

ROOT = Path(__file__).resolve().parents[2]
NODE = 'from ilw_web.nodes.foxglove_node import main; raise SystemExit(main())'


@pytest.fixture(scope='module')
def sdk(tmp_path_factory):
    """Return where the SDK is: nowhere in particular, or installed here by its lock."""
    with suppress(IlwError):
        foxglove_sdk()
        return ''
    folder = tmp_path_factory.mktemp('sdk')
    subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--target', folder,
                    '--require-hashes', '-r', ROOT / 'requirements' / 'lock-foxglove.txt'],
                   check=True)
    return str(folder)


def free_port():
    with socket.socket() as trial:
        trial.bind(('127.0.0.1', 0))
        return trial.getsockname()[1]


@pytest.fixture
def serve(sdk, domain):
    """Return a function that starts the node with parameters; returns its process and port."""
    running = []

    def start(**parameters):
        port = parameters.setdefault('port', free_port())
        words = [word for key, value in parameters.items()
                 for word in ('-p', f'{key}:={str(value).lower()}')]
        environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONPATH': os.pathsep.join(
            [os.environ.get('PYTHONPATH', ''), sdk])}
        process = subprocess.Popen([sys.executable, '-c', NODE, '--ros-args', *words],
                                   env=environment, stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process, port

    yield start
    for process in running:
        process.terminate()
        process.wait(10)
        process.stderr.close()


class Robot(Node):
    """Sends joint states at 50 Hz and its description once, and counts its emergency stops."""

    def __init__(self):
        super().__init__('robot')
        self.sent, self.stops = [], []
        self.declare_parameter('wheels', 4)
        self.declare_parameter('axes', [1.0, 2.0])
        self._joints = self.create_publisher(JointState, 'joint_states', STATE_OFFER)
        self._about = self.create_publisher(String, 'robot_description', LATCHED)
        self._about.publish(String(data='<robot/>'))
        self.create_timer(0.02, self._on_time)
        self.create_service(Trigger, 'arbiter/estop', self._on_stop)

    def _on_time(self):
        joints = JointState(name=['a', 'b'], position=[0.1 * len(self.sent), -1.0])
        self.sent.append(joints)
        self._joints.publish(joints)

    def _on_stop(self, request, response):
        self.stops.append(request)
        response.success, response.message = True, 'stopped'
        return response


def answer(data):
    return deserialize_message(data, Trigger.Response)


def talk(ros, work, port):
    """Run a client's coroutine while nodes spin."""
    async def whole():
        client = await FoxgloveClient.connect(port)
        try:
            return await work(client)
        finally:
            await client.close()

    async def beside():
        task = asyncio.ensure_future(whole())
        while not task.done():
            ros.executor.spin_once(timeout_sec=0.0)
            await asyncio.sleep(0.002)
        return task.result()

    return asyncio.run(beside())


@pytest.mark.slow
def test_messages_arrive_as_they_were_sent_with_schemas_that_read_them(ros, serve):
    robot, (_, port) = ros.add(Robot()), serve()

    async def work(client):
        names = {'/joint_states', '/robot_description'}
        await client.until(lambda c: names <= c.topics.keys())
        await client.subscribe('/joint_states')
        await client.until(lambda c: len(c.received['/joint_states']) >= 25)
        await client.subscribe('/robot_description')
        await client.until(lambda c: c.received['/robot_description'])
        return client

    client = talk(ros, work, port)
    assert client.protocol == PROTOCOL and 'clientPublish' not in client.info['capabilities']
    got = [deserialize_message(data, JointState) for _, data in client.received['/joint_states']]
    at = robot.sent.index(got[0])
    assert got == robot.sent[at:at + len(got)], 'each of them, in order'
    stamps = [stamp for stamp, _ in client.received['/joint_states']]
    assert stamps == sorted(stamps)
    for name, kind in (('/joint_states', 'sensor_msgs/msg/JointState'),
                       ('/robot_description', 'std_msgs/msg/String')):
        channel = client.topics[name]
        assert (channel['encoding'], channel['schemaEncoding'], channel['schemaName']) == (
            'cdr', 'ros2msg', kind)
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(channel['schema'], kind))
        read = store.deserialize_cdr(client.received[name][0][1], kind)
    assert read.data == '<robot/>'


@pytest.mark.slow
def test_what_is_latched_comes_to_each_viewer_and_a_topic_nobody_sends_goes(ros, serve):
    robot, (_, port) = ros.add(Robot()), serve()

    async def work(client):
        other = await FoxgloveClient.connect(port)
        for each in (client, other):  # the second when the node has long subscribed
            await each.until(lambda c: '/robot_description' in c.topics)
            await each.subscribe('/robot_description')
            await each.until(lambda c: c.received['/robot_description'])
        await other.close()
        robot.destroy_publisher(robot._about)
        await client.until(lambda c: '/robot_description' not in c.topics)

    talk(ros, work, port)


@pytest.mark.slow
def test_the_emergency_stop_is_everybodys_and_arming_is_not(ros, serve):
    robot, (_, port) = ros.add(Robot()), serve()

    async def work(client):
        await client.until(lambda c: '/arbiter/disarm' in c.services)
        assert set(client.services) == {'/arbiter/estop', '/arbiter/disarm'}
        assert client.services['/arbiter/estop']['type'] == 'std_srvs/srv/Trigger'
        while not (stopped := answer(await client.call('/arbiter/estop'))).success:
            assert 'is not there' in stopped.message  # DDS has yet to find it
            await asyncio.sleep(0.1)
        return stopped, answer(await client.call('/arbiter/disarm'))

    stopped, absent = talk(ros, work, port)
    assert (stopped.success, stopped.message, len(robot.stops)) == (True, 'stopped', 1)
    assert not absent.success and 'is not there' in absent.message


@pytest.mark.slow
def test_control_offers_arming_too(ros, serve):
    _, port = serve(control=True)

    async def work(client):
        await client.until(lambda c: len(c.services) == 4)
        assert {'/arbiter/arm', '/arbiter/reset'} <= client.services.keys()

    talk(ros, work, port)


@pytest.mark.slow
def test_parameters_of_every_node_are_shown_and_stay_what_they_are(ros, serve):
    ros.add(Robot())
    _, port = serve()

    async def work(client):
        while client.parameters.get('/robot.wheels') is None:
            told = client.told
            await client.ask(op='getParameters', parameterNames=[], id='all')
            await client.until(lambda c, told=told: c.told > told)
            await asyncio.sleep(0.1)
        assert client.parameters['/robot.axes'] == [1.0, 2.0]
        client.parameters.clear()
        await client.ask(op='setParameters', id='set',
                         parameters=[{'name': '/robot.wheels', 'value': 6}])
        await client.until(lambda c: '/robot.wheels' in c.parameters)
        assert client.parameters['/robot.wheels'] == 4

    talk(ros, work, port)


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_line(serve):
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        process, port = serve(port=other.getsockname()[1])
        assert process.wait(20) == 2
    said = process.communicate()[1].strip().splitlines()
    assert len(said) == 1 and f'127.0.0.1 port {port} cannot be had' in said[0]


def test_the_bring_up_refuses_a_taken_port_before_anything_starts(monkeypatch):
    monkeypatch.setattr(server, 'foxglove_sdk', object)
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        with pytest.raises(IlwError, match='cannot be had: Address already in use'):
            require_files(*resolve('foxglove', {'port': other.getsockname()[1]}))
    with pytest.raises(IlwError, match=r'not.an.address port 8766 cannot be had'):
        require_port('not.an.address', 8766)


def test_without_the_sdk_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'foxglove.websocket', None)
    with pytest.raises(IlwError, match=r'pip install --require-hashes -r .*lock-foxglove.txt'):
        foxglove_sdk()
    bringup, values = resolve('foxglove', {})
    with pytest.raises(IlwError, match='is not installed'):
        require_files(bringup, values)


def test_a_node_that_hears_all_gets_no_key():
    bringup, values = resolve('foxglove', {'security': 'keystore'})
    with pytest.raises(IlwError, match='gets no key'):
        bringup.nodes(values)
