"""The table of permissions against the running nodes: nothing missing, nothing unused."""

import os
from pathlib import Path
import pty
import subprocess

import pytest

pytest.importorskip('rclpy')
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from ilw_bringup.security.dds_names import Topics, dds_topics
from ilw_bringup.security.node_uses import Uses, node_uses
from ilw_bringup.start.bringup import resolve
from ilw_bringup.start.processes import Fleet, command_line
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_ros.convert import message_class

GRAPH = 'ros_discovery_info'
PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'reference' / 'topics.md'
RELIABLE = ReliabilityPolicy.RELIABLE
VOLATILE, LASTING = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL


def started(tmp_path, task, namespace, robot):
    """Return every node of ILW, as the bring-ups start it."""
    chosen = {'task': task, 'namespace': namespace, 'robot': robot, 'demos': str(tmp_path),
              'enable_output': True}
    if robot == 'real':
        (tmp_path / 'mine.yaml').write_text(
            'robot: mine\ntopics: {scan: /front/scan, cmd_vel: base/cmd, /tf: tf}\n')
        chosen['profile'] = str(tmp_path / 'mine.yaml')
    specs = {}
    for name, more in ((*((('record', {'expert': True}),) if robot == 'sim' else ()),
                        ('record', {'input': 'evdev'}),
                        ('record', {'input': 'cockpit'}), ('record', {'input': 'keyboard'}),
                        ('deploy', {}))):
        bringup, values = resolve(name, {**{k: v for k, v in chosen.items() if k != (
            'enable_output' if name == 'record' else 'demos')}, **more})
        specs |= {spec.name: spec for spec in bringup.nodes(values)}
    inside = next(iter(specs.values())).namespace
    bringup, values = resolve('trainer', {'namespace': inside})
    specs |= {spec.name: spec for spec in bringup.nodes(values)}
    return specs, inside or '/'


def seen(node, name, namespace):
    """Return the DDS topics of a node, as they are on the wire: services and actions are some."""
    return Topics(*(frozenset({GRAPH, *(topic for topic, _ in look(name, namespace, True))})
                    for look in (node.get_publisher_names_and_types_by_node,
                                 node.get_subscriber_names_and_types_by_node)))


def differences(node, uses, namespace, specs):
    """Return what each node does and may not, and may and does not."""
    there = set(node.get_node_names_and_namespaces())
    found = {}
    for name, declared in uses.items():
        if (name, namespace) not in there:
            found[name] = 'is not there'
            continue
        does, may = seen(node, name, namespace), dds_topics(
            declared, namespace, name, specs[name].remappings)
        for verb in ('publish', 'subscribe'):
            a, b = getattr(does, verb), getattr(may, verb)
            b -= dds_topics(Uses(sometimes=declared.sometimes), namespace, name,
                            specs[name].remappings).subscribe - a - {GRAPH}
            if a != b:
                found[f'{name} {verb}'] = {'not allowed': sorted(a - b), 'not used': sorted(b - a)}
    return found


@pytest.fixture
def keyboard_node():
    """Return a function that starts a node on a terminal of its own."""
    running, handles = [], []

    def start(spec):
        handles.extend(pty.openpty())
        running.append(subprocess.Popen(command_line(spec), stdin=handles[-1],
                                        stdout=subprocess.DEVNULL))

    yield start
    for process in running:
        process.kill()
        process.wait()
    for handle in handles:
        os.close(handle)


@pytest.mark.parametrize(('task', 'namespace', 'robot'), [
    ('clutter', '', 'sim'), ('maze', 'robot1', 'sim'), ('clutter', 'robot1', 'real')])
def test_every_node_does_what_the_table_says_and_nothing_else(
        ros, tmp_path, keyboard_node, task, namespace, robot):
    contract = load_contract(config_file('tasks', task))
    specs, inside = started(tmp_path, task, namespace, robot)
    uses = node_uses(contract, simulated=robot == 'sim')
    assert set(specs) == set(uses), 'a node without permissions, or permissions without a node'
    node = ros.add(Node('looker', namespace=inside))
    # The recorder subscribes to what somebody publishes; these nobody does here.
    renamed = specs['recorder'].remappings
    kinds = {renamed.get(name, name): 'tf2_msgs/msg/TFMessage' for name in ('/tf', '/tf_static')}
    if robot == 'real':  # what the driver and the simulator send
        kinds |= {renamed.get(s.topic, s.topic): s.type for s in contract.sources} | {
            'map': 'nav_msgs/msg/OccupancyGrid', 'sim/collision': 'ilw_msgs/msg/Collision',
            'sim/ground_truth': 'nav_msgs/msg/Odometry'}
    others = [node.create_publisher(message_class(kind), name, 1)
              for name, kind in kinds.items()]
    with Fleet(tmp_path / 'log') as fleet:
        fleet.start([spec for spec in specs.values() if not spec.terminal])
        keyboard_node(specs['keyboard'])
        left = {}

        def agree():
            left.clear()
            left.update(differences(node, uses, inside, specs))
            return not left

        try:
            ros.until(agree, 60, 'the graph to agree')
        except AssertionError:
            pytest.fail('\n'.join(f'{k}: {v}' for k, v in left.items()))
        if robot == 'sim' and not namespace:
            assert not wrong_on_the_page(node, set(specs))
    assert len(others) == len(kinds)


def wrong_on_the_page(node, nodes):
    """Return where docs/reference/topics.md is wrong about types and QoS of what is running."""
    offers = {'reliable': (RELIABLE, VOLATILE), 'command': (RELIABLE, VOLATILE),
              'latched': (RELIABLE, LASTING)}
    page, wrong = PAGE.read_text(), []
    for line in page.split('## Topics')[1].split('## Several')[0].splitlines():
        if not line.startswith('| `'):
            continue
        name, kind, qos, *_ = (cell.strip(' `') for cell in line.strip('|').split('|'))
        for info in node.get_publishers_info_by_topic(node.resolve_topic_name(name)):
            if info.node_name in nodes:
                profile = info.qos_profile
                if (info.topic_type, profile.reliability, profile.durability) != (
                        kind, *offers[qos]):
                    wrong.append(f'{name} of {info.node_name}')
    kinds = dict(node.get_service_names_and_types())
    for line in page.split('## Services')[1].split('## Actions')[0].splitlines():
        if line.startswith('| `'):
            name, kind, *_ = (cell.strip(' `') for cell in line.strip('|').split('|'))
            if kinds.get(f'/{name}') != [kind]:
                wrong.append(name)
    return wrong
