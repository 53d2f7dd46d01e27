"""
Packet loss between the person's computer and the robot's: two network namespaces.

The kernels of many machines have no ``netem``, so the wire between the two is a process that hands
every packet over, or drops it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import ctypes
import fcntl
import json
import os
from pathlib import Path
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

from ilw_core.errors import IlwError
from ilw_faults.far.robot import LossSeen
from ilw_faults.row import Fault, Seen, Unavailable

_ETH_ALL = 3
_STOP_WITHIN_MS = 430.0
"""Two periods of silence after the last message, which may itself be two periods late; 30 ms for
the nodes. A message that is older is refused"""
_SIOCETHTOOL, _ETHTOOL_STXCSUM = 0x8946, 0x17


def _ip(*words: str) -> None:
    done = subprocess.run(['ip', *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f'network namespaces: ip {" ".join(words)}: {done.stderr.strip()}')


def _compute_checksums(interface: str) -> None:
    """Have the kernel fill in checksums: the wire hands packets over as they are."""
    value = ctypes.create_string_buffer(struct.pack('II', _ETHTOOL_STXCSUM, 0))
    request = struct.pack('16sP', interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


class Wire:
    """
    Hands packets from one interface to the other and back.

    :param loss_ratio: of the packets, each on its own.
    """

    def __init__(self, left: str, right: str) -> None:
        self.loss_ratio = 0.0
        self.passed = self.dropped = 0
        self._rng = random.Random(1)
        self._ends = []
        for name in (left, right):
            end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ALL))
            end.bind((name, 0))
            self._ends.append(end)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            ready, _, _ = select.select(self._ends, [], [], 0.1)
            for end in ready:
                packet, address = end.recvfrom(70_000)
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                if self._rng.random() < self.loss_ratio:
                    self.dropped += 1
                    continue
                self.passed += 1
                with suppress(OSError):
                    self._ends[1 - self._ends.index(end)].send(packet)

    def close(self) -> None:
        """Cut the wire."""
        self._ending.set()
        self._thread.join(2.0)
        for end in self._ends:
            end.close()


@contextmanager
def two_hosts() -> Iterator[tuple[str, str, Wire]]:
    """
    Make two namespaces with a wire between them; yields their names and the wire.

    :raises Unavailable: this machine does not allow it.
    """
    if os.geteuid() or not hasattr(socket, 'AF_PACKET'):
        raise Unavailable('network namespaces take root')
    tag = f'{os.getpid() % 100_000}'
    hosts, wires = [f'ilwa{tag}', f'ilwb{tag}'], [f'wa{tag}', f'wb{tag}']
    try:
        for number, (host, wire) in enumerate(zip(hosts, wires, strict=True), 1):
            _ip('netns', 'add', host)
            _ip('link', 'add', wire, 'type', 'veth', 'peer', 'name', f'{wire}p')
            _compute_checksums(f'{wire}p')
            _ip('link', 'set', f'{wire}p', 'netns', host, 'name', 'eth0')
            _ip('link', 'set', wire, 'up', 'promisc', 'on')
            for words in (['link', 'set', 'lo', 'up'], ['link', 'set', 'eth0', 'up'],
                          ['addr', 'add', f'10.213.0.{number}/24', 'dev', 'eth0'],
                          ['route', 'add', 'default', 'dev', 'eth0']):
                _ip('-n', host, *words)
        wire_between = Wire(*wires)
        try:
            yield hosts[0], hosts[1], wire_between
        finally:
            wire_between.close()
    except FileNotFoundError as error:
        raise Unavailable(f'network namespaces: {error.filename} is not installed') from error
    finally:
        for host, wire in zip(hosts, wires, strict=True):
            subprocess.run(['ip', 'netns', 'del', host], capture_output=True, check=False)
            subprocess.run(['ip', 'link', 'del', wire], capture_output=True, check=False)


def _loss(ratio: float) -> Fault:
    fault = f'{ratio:.0%} packet loss between joystick and robot'
    expected = ('no command outside limits; once the deadman is released the robot stops within '
                f'{_STOP_WITHIN_MS:.0f} ms, however much is lost')

    def inject(folder: Path) -> Seen:
        with two_hosts() as (desk, robot, wire):
            everything = {**os.environ, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}
            far = subprocess.Popen(
                ['ip', 'netns', 'exec', robot, sys.executable, '-P', '-m',
                 'ilw_faults.far.robot', str(folder)],
                env=everything, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            near = subprocess.Popen(
                ['ip', 'netns', 'exec', desk, sys.executable, '-P', '-m',
                 'ilw_faults.far.joystick'],
                env=everything, stdin=subprocess.PIPE, text=True)
            try:
                assert far.stdin and far.stdout and near.stdin
                begun = far.stdout.readline().strip()
                if begun == 'deaf':
                    raise Unavailable('the two namespaces do not hear each other')
                if begun != 'driving':
                    raise IlwError('The far joystick did not drive; the reason is above.')
                wire.loss_ratio = ratio
                time.sleep(4.0)
                far.stdin.write('released\n')
                far.stdin.flush()
                near.stdin.write('release\n')
                near.stdin.flush()
                said = LossSeen(**json.loads(far.stdout.readline() or '{}'))
            finally:
                for process in (far, near):
                    process.kill()
                    process.wait()
        dropped = wire.dropped / max(1, wire.passed + wire.dropped)
        stopped = said.stopped_ms
        return Seen(f'{dropped:.0%} of {wire.passed + wire.dropped} packets dropped; '
                   f'{said.moving} of {said.commands} commands in 4 s moved it; stop action '
                   f'after {stopped} ms; {said.outside} outside limits',
                   stopped, said.lost,
                   stopped is not None and stopped <= _STOP_WITHIN_MS and said.outside == 0
                   and said.lost == 0)

    return Fault(fault, expected, inject)


FAULTS = (_loss(0.05), _loss(0.5))
