"""DDS security switched on: nodes that cannot have it do not start; where they can, it holds."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip('rclpy')
from ilw_bringup.doctor import examine
from ilw_bringup.security.dds_names import dds_topics
from ilw_bringup.security.enforcement import security_environment, utc_now, why_not_enforced
from ilw_bringup.security.keystore import create_keystore
from ilw_bringup.security.node_uses import EVERY_NODE, Uses, node_uses
from ilw_bringup.start.bringup import NodeSpec, resolve
from ilw_bringup.start.processes import Fleet

# A node that hears commands and perhaps sends some; a line of JSON after each look.
NODE = '''
import json, sys, rclpy
from collections import Counter
from geometry_msgs.msg import TwistStamped
rclpy.init(args=sys.argv)
node, heard = rclpy.create_node(sys.argv[1]), Counter()
node.create_subscription(TwistStamped, 'cmd_vel', lambda m: heard.update([m.header.frame_id]), 10)
pub = node.create_publisher(TwistStamped, 'cmd_vel', 10) if sys.argv[2] == 'speaks' else None
mine = TwistStamped()
mine.header.frame_id = 'intruder'
while True:
    rclpy.spin_once(node, timeout_sec=0.1)
    if pub: pub.publish(mine)
    print(json.dumps({'arbiter': heard[''], 'intruder': heard['intruder'],
                      'commanders': node.count_publishers('cmd_vel'),
                      'nodes': sorted(node.get_node_names())}), flush=True)
'''


@pytest.fixture(scope='module')
def why():
    """Return why it cannot be enforced here; empty when it can."""
    return why_not_enforced()


@pytest.fixture
def keystore(tmp_path, clutter, domain):
    uses = node_uses(clutter, simulated=True) | {
        'looker': EVERY_NODE | Uses(subscribes=('cmd_vel',))}
    create_keystore(tmp_path / 'keystore', {
        f'/{name}': dds_topics(what, '/', name) for name, what in uses.items()},
        domain_id=domain, now=utc_now())
    return tmp_path / 'keystore'


def secured(keystore):
    bringup, values = resolve('teleop', {'input': 'external', 'security': str(keystore)})
    return bringup.nodes(values)


def wait(done, what, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
        time.sleep(0.05)


def test_without_the_plugin_every_node_refuses_to_start(keystore, why, tmp_path):
    if not why:
        pytest.skip('this ROS has the security plugin')
    with Fleet(tmp_path / 'log', security_environment(keystore)) as fleet:
        specs = secured(keystore)
        assert {s.name for s in specs} == {'sim', 'teleop', 'arbiter', 'status'}
        fleet.start(specs)
        wait(lambda: len(fleet.dead()) == len(specs), 'every node to refuse')
        for spec in specs:
            log = (tmp_path / 'log' / f'{spec.name}.log').read_text()
            assert "doesn't have the security libraries" in log


def test_without_the_plugin_up_says_so_once_and_starts_nothing(keystore, why):
    if not why:
        pytest.skip('this ROS has the security plugin')
    done = subprocess.run(
        [sys.executable, '-m', 'ilw_bringup.cli', 'up', 'teleop', '--input', 'external',
         '--security', str(keystore)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert 'cannot be enforced here' in done.stderr
    assert 'security plugin' in done.stderr
    assert 'Up:' not in done.stderr + done.stdout


def test_the_doctor_says_whether_it_can_be_enforced(why):
    finding = next(f for f in examine() if f.what == 'dds security')
    assert (finding.level, 'cannot be enforced' in finding.text) == (
        ('note', True) if why else ('ok', False))


class Listener:
    """A node of another process, and the newest that it told."""

    def __init__(self, name, speaks, environment, *options):
        self.told = {'arbiter': 0, 'intruder': 0, 'commanders': 0, 'nodes': []}
        self._process = subprocess.Popen(
            [sys.executable, '-c', NODE, name, 'speaks' if speaks else 'listens', '--ros-args',
             '-r', f'__node:={name}', *options], env={**os.environ, **environment},
            stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._process.stdout:
            self.told = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._thread.join()
        self._process.stdout.close()


def test_with_the_plugin_a_node_without_a_key_can_neither_listen_nor_command(
        keystore, why, tmp_path):
    if why:
        pytest.skip(f'DDS security cannot be enforced here. {why}')
    environment = security_environment(keystore)
    with (Fleet(tmp_path / 'log', environment) as fleet,
          Listener('intruder', True, {'ROS_SECURITY_ENABLE': 'false'}) as intruder,
          Listener('looker', False, environment, '--enclave', '/looker') as looker):
        fleet.start(secured(keystore))
        # Both speak: the robot's own nodes among themselves, the intruder to itself.
        wait(lambda: looker.told['arbiter'] >= 100 and intruder.told['intruder'] >= 50,
             'a hundred commands of the arbiter and fifty of the intruder')
        assert intruder.told == {'arbiter': 0, 'intruder': intruder.told['intruder'],
                                 'commanders': 1, 'nodes': ['intruder']}
        assert looker.told['intruder'] == 0
        assert looker.told['commanders'] == 1
        assert looker.told['nodes'] == ['arbiter', 'looker', 'sim', 'teleop']
        assert fleet.dead() == []


def test_with_the_plugin_a_node_that_takes_anothers_place_is_not_let_in(keystore, why, tmp_path):
    if why:
        pytest.skip(f'DDS security cannot be enforced here. {why}')
    policy = NodeSpec('ilw_teleop', 'arbiter_node', 'arbiter', {'enable_output': True},
                      enclave='/policy')
    with Fleet(tmp_path / 'log', security_environment(keystore)) as fleet:
        fleet.start([policy])
        wait(lambda: fleet.dead() == ['arbiter'], 'the node to be refused')


def test_with_the_plugin_every_node_starts_with_its_key_and_finds_the_others(
        keystore, why, tmp_path):
    if why:
        pytest.skip(f'DDS security cannot be enforced here. {why}')
    specs = {}
    for name, more in (('record', {'expert': True, 'demos': str(tmp_path)}),
                       ('record', {'input': 'evdev'}), ('deploy', {'checkpoint': 'random'})):
        bringup, values = resolve(name, {'security': str(keystore), **more})
        specs = {spec.name: spec for spec in bringup.nodes(values)} | specs
    specs['trainer'] = NodeSpec('ilw_learner', 'trainer_node', 'trainer', enclave='/trainer')
    assert set(specs) == {'sim', 'expert', 'joy', 'teleop', 'arbiter', 'recorder', 'policy',
                          'trainer'}
    environment = security_environment(keystore)
    with (Fleet(tmp_path / 'log', environment) as fleet,
          Listener('looker', False, environment, '--enclave', '/looker') as looker):
        fleet.start(list(specs.values()))
        wait(lambda: fleet.dead() or (looker.told['arbiter'] >= 50 and looker.told['nodes']
                                      == sorted([*specs, 'looker'])), 'all nodes')
        assert fleet.dead() == []
