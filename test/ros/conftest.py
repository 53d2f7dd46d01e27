"""Real nodes over real DDS, on this machine only."""

import os
from pathlib import Path
import sys
import time

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # one_node.py
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

import rclpy

from ilw_bringup.start.private_domain import private_domain
from ilw_ros.spinning.executor import OneThreadExecutor
from ilw_ros.transport import start_ros


class Spinner:
    """Spins nodes until something is true, with a deadline."""

    def __init__(self):
        self.executor = OneThreadExecutor()
        self.nodes = []

    def add(self, node):
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def until(self, done, seconds=10.0, what='it'):
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
            self.executor.spin_once(timeout_sec=0.02)


@pytest.fixture(autouse=True)
def domain():
    """Keep each test in a ROS domain of its own; return its number."""
    with private_domain() as number:
        yield number


@pytest.fixture
def ros(domain):
    """Return a Spinner in a fresh context."""
    start_ros()
    spinner = Spinner()
    yield spinner
    for node in spinner.nodes:
        node.destroy_node()
    spinner.executor.shutdown()
    rclpy.try_shutdown()
