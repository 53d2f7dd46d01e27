"""The keystore under a real DDS with its security plugin: who has no key neither hears nor moves.

Fast DDS itself, without ROS on top: the ROS wheels of PyPI lack the plugin, the library does not.
"""

from collections import Counter
from pathlib import Path
import shutil
import subprocess
import threading
import time

import pytest

from ilw_bringup.security.dds_names import dds_topics
from ilw_bringup.security.enforcement import utc_now
from ilw_bringup.security.keystore import create_keystore, enclave_folder
from ilw_bringup.security.node_uses import node_uses

SOURCE = Path(__file__).parent / 'dds_peer' / 'peer.cpp'
DOMAIN = 57
NOT_LET_IN, DENIED, NO_SECURITY = 3, 4, 5
NEEDED = 'needs g++ and Fast DDS with headers: on Debian and Ubuntu, apt install libfastrtps-dev'


@pytest.fixture(scope='module')
def program(tmp_path_factory):
    """Return the compiled peer."""
    look = ['-E', '-include', 'fastdds/dds/domain/DomainParticipant.hpp', '-x', 'c++', '-']
    if not shutil.which('g++') or subprocess.run(
            ['g++', *look], input='', text=True, capture_output=True, check=False).returncode:
        pytest.skip(NEEDED)
    path = tmp_path_factory.mktemp('peer') / 'peer'
    subprocess.run(['g++', '-std=c++17', '-o', path, SOURCE, '-lfastrtps', '-lfastcdr',
                    '-pthread'], check=True)
    if subprocess.run([path, '0', '-', 'read', 'none', '0'], stdin=subprocess.DEVNULL,
                      check=False).returncode == NO_SECURITY:
        pytest.skip('this Fast DDS was built without security')
    return path


class Peer:
    """One participant in a process of its own."""

    def __init__(self, program, enclave, verb, topic, number=0):
        self.heard, self.up = Counter(), False
        self.process = subprocess.Popen(
            [program, str(DOMAIN), enclave, verb, topic, str(number)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            if line.strip() == 'up':
                self.up = True
            elif line.strip().isdecimal():
                self.heard[int(line)] += 1

    def end(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def start(program):
    """Return a function that starts a peer and waits until it is up or has ended."""
    peers = []

    def make(enclave, verb, topic, number=0):
        peer = Peer(program, str(enclave), verb, topic, number)
        peers.append(peer)
        until(lambda: peer.up or peer.process.poll() is not None, 'a peer')
        return peer

    yield make
    for peer in peers:
        peer.end()


def until(done, what, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
        time.sleep(0.01)


def make_keystore(folder, contract):
    create_keystore(folder, {f'/{name}': dds_topics(uses, '/', name) for name, uses in node_uses(
        contract, simulated=True).items()}, domain_id=DOMAIN, now=utc_now())
    return folder


@pytest.fixture
def enclave(tmp_path, clutter):
    """Return a function from the name of a node to the folder of its key."""
    keystore = make_keystore(tmp_path / 'keystore', clutter)
    return lambda name: enclave_folder(keystore, name)


def test_who_has_no_key_can_neither_listen_nor_command(start, enclave, tmp_path, clutter):
    other = make_keystore(tmp_path / 'other', clutter)
    command = 'rt/cmd_vel'
    robot, spy = start(enclave('sim'), 'read', command), start('-', 'read', command)
    foreign_robot = start(enclave_folder(other, 'sim'), 'read', command)
    start(enclave('arbiter'), 'write', command, 1)
    start('-', 'write', command, 2)
    start(enclave_folder(other, 'arbiter'), 'write', command, 3)
    # All three speak, each is heard by its like, and by nobody else.
    until(lambda: min(robot.heard[1], spy.heard[2], foreign_robot.heard[3]) >= 50, '50 messages')
    assert set(robot.heard) == {1}
    assert set(spy.heard) == {2}
    assert set(foreign_robot.heard) == {3}


@pytest.mark.parametrize(('name', 'verb', 'topic'), [
    ('policy', 'write', 'rt/cmd_vel'), ('recorder', 'write', 'rt/cmd_vel'),
    ('teleop', 'write', 'rt/policy/action'), ('policy', 'write', 'rt/teleop/action'),
    ('policy', 'write', 'rq/arbiter/armRequest'), ('joy', 'write', 'rt/odom'),
    ('joy', 'read', 'rt/cmd_vel'), ('teleop', 'read', 'rt/scan'),
])
def test_a_node_with_a_key_does_only_what_its_permissions_say(start, enclave, name, verb, topic):
    denied = start(enclave(name), verb, topic)
    assert (denied.up, denied.process.returncode) == (False, DENIED)
    assert start(enclave(name), verb, 'rt/rosout' if verb == 'write' else 'rt/clock').up


def test_permissions_that_somebody_changed_let_nobody_in(start, enclave):
    file = enclave('policy') / 'permissions.p7s'
    file.write_bytes(file.read_bytes().replace(b'rt/policy/action', b'rt/cmd_vel'))
    changed = start(enclave('policy'), 'write', 'rt/cmd_vel')
    assert (changed.up, changed.process.returncode) == (False, NOT_LET_IN)


def test_a_key_that_belongs_to_another_certificate_lets_nobody_in(start, enclave):
    shutil.copy(enclave('policy') / 'key.pem', enclave('arbiter') / 'key.pem')
    stolen = start(enclave('arbiter'), 'write', 'rt/cmd_vel')
    assert (stolen.up, stolen.process.returncode) == (False, NOT_LET_IN)


def test_the_permissions_of_another_node_let_nobody_in(start, enclave):
    shutil.copy(enclave('arbiter') / 'permissions.p7s', enclave('policy') / 'permissions.p7s')
    borrowed = start(enclave('policy'), 'write', 'rt/cmd_vel')
    assert (borrowed.up, borrowed.process.returncode) == (False, NOT_LET_IN)
