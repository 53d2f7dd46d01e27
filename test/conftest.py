"""Fixtures for every test: the shipped contracts, and a message anyone can make."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('ILW_CONFIG', str(ROOT / 'config'))

from ilw_core.contract import Contract, load_contract  # noqa: E402


@pytest.fixture(params=['clutter', 'maze'])
def contract(request) -> Contract:
    return load_contract(ROOT / 'config' / 'tasks' / f'{request.param}.yaml')


@pytest.fixture
def clutter() -> Contract:
    return load_contract(ROOT / 'config' / 'tasks' / 'clutter.yaml')


@pytest.fixture
def maze() -> Contract:
    return load_contract(ROOT / 'config' / 'tasks' / 'maze.yaml')


@pytest.fixture
def odometry():
    """Return a maker of odometry-shaped messages: odometry(x, y, yaw, v, w)."""
    import math

    def make(x=0.0, y=0.0, yaw=0.0, v=0.0, w=0.0):
        return SimpleNamespace(
            pose=SimpleNamespace(pose=SimpleNamespace(
                position=SimpleNamespace(x=x, y=y, z=0.0),
                orientation=SimpleNamespace(x=0.0, y=0.0, z=math.sin(yaw / 2),
                                            w=math.cos(yaw / 2)))),
            twist=SimpleNamespace(twist=SimpleNamespace(
                linear=SimpleNamespace(x=v, y=0.0, z=0.0),
                angular=SimpleNamespace(x=0.0, y=0.0, z=w))))

    return make
