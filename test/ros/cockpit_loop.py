"""Cockpit, teleop and arbiter as processes, a lidar that sees nothing, and a browser's socket."""

import asyncio
import contextlib
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import aiohttp
from geometry_msgs.msg import TwistStamped
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Joy, LaserScan

from ilw_core.contract.file import named_contract
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import ArbiterState
from ilw_ros.qos import EVENT, STATE_OFFER, command
from ilw_ros.spinning.executor import OneThreadExecutor
from ilw_teleop.joystick.layout import load_joystick
from ilw_web.server.gate import PROTOCOL

RUN = 'import sys; from {} import main; sys.exit(main())'
TELEOP = 'ilw_teleop.nodes.person.teleop_node'
ARBITER = 'ilw_teleop.nodes.arbiter.arbiter_node'
COCKPIT = 'ilw_web.nodes.cockpit_node'
PAD = load_joystick(config_file('joysticks', 'xbox'))


def free_port():
    """Return a port that nobody listens at."""
    with socket.socket() as trial:
        trial.bind(('127.0.0.1', 0))
        return trial.getsockname()[1]


def pressing(*controls, forward=0.0):
    """Return the message of a page whose pad has these controls pressed."""
    axes, buttons = PAD.at_rest()
    axes[PAD.axis('forward')] = forward
    for control in controls:
        PAD.press(control, axes, buttons)
    return json.dumps({'t': 'joy', 'a': axes, 'b': buttons})


class Spy(Node):
    """Sees what the robot is told, and shows it an empty room."""

    def __init__(self):
        super().__init__('spy')
        self.commands, self.states, self.joys = [], [], []
        contract = named_contract('clutter')
        self.create_subscription(TwistStamped, 'cmd_vel', lambda said: self.commands.append(
            (time.monotonic(), said.twist.linear.x)), command(contract.rate_hz))
        self.create_subscription(ArbiterState, 'arbiter/state', lambda said: self.states.append(
            (time.monotonic(), said.estopped, said.reasons)), EVENT)
        self.create_subscription(Joy, 'joy', lambda said: self.joys.append(
            (time.monotonic(), list(said.axes), list(said.buttons))), EVENT)
        self._scan = self.create_publisher(LaserScan, 'scan', STATE_OFFER)
        self.create_timer(0.05, self._on_scan)

    def _on_scan(self):
        scan = LaserScan(angle_min=-3.1, angle_max=3.1, angle_increment=6.2 / 35, range_min=0.1,
                         range_max=8.0, ranges=[float('inf')] * 36)
        scan.header.stamp = self.get_clock().now().to_msg()
        self._scan.publish(scan)


class Loop:
    """What runs, and ``browser`` to look at it with."""

    def __init__(self, *modules, cockpit=()):
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix='ilw_cockpit_')
        self.folder = Path(self._folder.name)
        self.children = {}
        self.link = ''
        for module in modules:
            words = [sys.executable, '-c', RUN.format(module), '--ros-args']
            if module == COCKPIT:
                words += ['-p', f'port:={self.port}', *cockpit]
                for name in ('demos', 'runs', 'deployed'):
                    (self.folder / name).mkdir()
                    words += ['-p', f'{name}:={self.folder / name}']
            self.children[module] = subprocess.Popen(
                words, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
        self.spy = Spy()
        self._executor = OneThreadExecutor()
        self._executor.add_node(self.spy)
        self._spinning = True
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        for line in self.children[COCKPIT].stderr:
            if line.startswith('Cockpit: '):
                self.link = line.removeprefix('Cockpit: ').strip()
                break
        assert self.link, 'the cockpit did not start'
        threading.Thread(target=self.children[COCKPIT].stderr.read, daemon=True).start()
        self.token = self.link.partition('#')[2]

    async def until_ready(self):
        """Wait until the nodes have found each other: the page drives, and may stop."""
        async with self.browser() as ws:
            await self.driver_moves(ws, seconds=30.0)

    def _spin(self):
        while self._spinning and rclpy.ok():
            self._executor.spin_once(timeout_sec=0.05)

    def close(self):
        self._spinning = False
        self._thread.join(2.0)
        for child in self.children.values():
            child.send_signal(signal.SIGINT)
        for child in self.children.values():
            child.wait(15)
        self.spy.destroy_node()
        self._folder.cleanup()

    @contextlib.asynccontextmanager
    async def browser(self, *, token=None, origin=None, **headers):
        """Open a socket as the page does."""
        async with aiohttp.ClientSession() as session, session.ws_connect(
                f'ws://127.0.0.1:{self.port}/socket', autoping=True,
                protocols=(PROTOCOL, self.token if token is None else token),
                origin=f'http://127.0.0.1:{self.port}' if origin is None else origin,
                headers=headers) as ws:
            yield ws

    async def driver_moves(self, ws, *, seconds=10.0):
        """Take the seat and drive until the robot moves; return when it was told to."""
        begun = time.monotonic()
        while not [x for at, x in self.spy.commands if at > begun and x > 0.1]:
            now = time.monotonic()
            assert now < begun + seconds, 'waited in vain for the robot to move'
            await ws.send_str('{"t":"drive"}')
            # A pad is to be seen at rest by whoever has only now begun to listen.
            rests = (now - begun) % 2.0 < 1.0
            await ws.send_str(pressing() if rests else pressing('deadman', forward=1.0))
            await asyncio.sleep(0.02)

    def stopped_s(self, since):
        """Return how long after a moment the robot was told to stand, and did from then on."""
        later = [(at, x) for at, x in self.spy.commands if at > since]
        moving = [at for at, x in later if abs(x) > 1e-6]
        stands = [at for at, x in later if abs(x) <= 1e-6]
        assert stands, 'no command to stand came'
        last = max(moving, default=since)
        return next(at for at in stands if at > last) - since


async def wait_until(done, seconds=10.0, what='it'):
    """Wait for something to be true."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
        await asyncio.sleep(0.01)
