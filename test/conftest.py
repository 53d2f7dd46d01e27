"""Fixtures for every test: the shipped contracts, messages anyone can make, bags of them."""

import importlib.util
import json
import math
import os
from pathlib import Path
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('ILW_CONFIG', str(ROOT / 'config'))
_BESIDE = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))
if _BESIDE:  # nodes of tests that run side by side do not hear each other
    os.environ['ROS_DOMAIN_ID'] = str(
        1 + (int(os.environ.get('ROS_DOMAIN_ID', '0')) + _BESIDE) % 59)

from ilw_core.contract.file import Contract, load_contract  # noqa: E402
from ilw_core.storage.episode_folder import SCHEMA  # noqa: E402

PERIOD_NS = 100_000_000
BEGIN_NS = 50_000_000_000
STORE = get_typestore(Stores.ROS2_JAZZY)
REWARD = 'ilw_msgs/msg/Reward'
STORE.register(get_types_from_msg(
    (ROOT / 'src' / 'ilw_msgs' / 'msg' / 'Reward.msg').read_text(), REWARD))
T = STORE.types


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


def header(stamp_ns, frame='odom'):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return T['std_msgs/msg/Header'](
        stamp=T['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec), frame_id=frame)


def vector(x=0.0, y=0.0, z=0.0):
    return T['geometry_msgs/msg/Vector3'](x=x, y=y, z=z)


def pose(x, y, yaw):
    return T['geometry_msgs/msg/Pose'](
        position=T['geometry_msgs/msg/Point'](x=x, y=y, z=0.0),
        orientation=T['geometry_msgs/msg/Quaternion'](
            x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2)))


def twist(v, w):
    return T['geometry_msgs/msg/Twist'](linear=vector(v), angular=vector(z=w))


def odometry_bag(stamp_ns, x, y, yaw, v, w):
    none = np.zeros(36)
    return T['nav_msgs/msg/Odometry'](
        header=header(stamp_ns), child_frame_id='base',
        pose=T['geometry_msgs/msg/PoseWithCovariance'](pose=pose(x, y, yaw), covariance=none),
        twist=T['geometry_msgs/msg/TwistWithCovariance'](twist=twist(v, w), covariance=none))


def command(stamp_ns, v, w):
    return T['geometry_msgs/msg/TwistStamped'](header=header(stamp_ns), twist=twist(v, w))


class BagMaker:
    """Writes rosbag2 folders in the layout of the maze contract: odom in, cmd_vel out."""

    def __init__(self, contract):
        self.contract = contract

    def write(self, folder: Path, *, ticks=20, drive=None, meta=None, leave_out=(),
              silent=(), stamped=True, topic_prefix='/', praise=(), goal=None,
              goal_frame='odom', place=lambda i: (0.1 * i, 1.0, 0.01 * i)) -> Path:
        """
        Write one episode.

        :param drive: tick number -> (v, w) commanded at it.
        :param silent: tick numbers without a command.
        :param stamped: false writes zero stamps into the commands.
        :param praise: (tick number, value) of rewards that a person gave.
        :param place: tick number -> x, y, yaw of odometry.
        :param goal: x, y of it in ``goal_frame``; ``None`` writes none.
        """
        drive = drive or (lambda i: (0.4, 0.0))
        # rosbags writes no version before 9 of the metadata; ours are read at any.
        with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
            odom = bag.add_connection(f'{topic_prefix}odom', 'nav_msgs/msg/Odometry',
                                      typestore=STORE)
            moves = bag.add_connection(f'{topic_prefix}cmd_vel',
                                       'geometry_msgs/msg/TwistStamped', typestore=STORE)
            if praise:
                given = bag.add_connection(f'{topic_prefix}reward', REWARD, typestore=STORE)
            if goal is not None:
                kind = 'geometry_msgs/msg/PoseStamped'
                to = bag.add_connection(f'{topic_prefix}goal', kind, typestore=STORE)
                bag.write(to, BEGIN_NS, STORE.serialize_cdr(T[kind](
                    header=header(BEGIN_NS, goal_frame), pose=pose(*goal, 0.0)), kind))
            for i, value in praise:
                at = BEGIN_NS + i * PERIOD_NS
                bag.write(given, at, STORE.serialize_cdr(T[REWARD](
                    header=header(at), episode='', step=0, source='person', value=value), REWARD))
            for i in range(ticks):
                at = BEGIN_NS + i * PERIOD_NS
                v, w = drive(i)
                if i not in leave_out:
                    bag.write(odom, at, STORE.serialize_cdr(
                        odometry_bag(at, *place(i), v, w), 'nav_msgs/msg/Odometry'))
                if i not in silent:
                    bag.write(moves, at, STORE.serialize_cdr(
                        command(at if stamped else 0, v, w), 'geometry_msgs/msg/TwistStamped'))
        if meta is not None:
            full = {'schema': SCHEMA, 'contract_hash': self.contract.hash, **meta}
            (folder / 'episode.json').write_text(json.dumps(full))
        return folder


@pytest.fixture
def bags(maze):
    return BagMaker(maze)


@pytest.fixture
def cruises(maze, tmp_path):
    """Return a checkpoint of two tasks, maze and slow: it drives at 0.4 in one, at 0.1 in one."""
    pytest.importorskip('onnx')
    from onnx import TensorProto, helper

    from ilw_core.contract.file import parse_contract
    from ilw_learner.checkpoint.folder import card_of_tasks, save_checkpoint

    slow = parse_contract(maze.text.replace('contract: maze', 'contract: slow').replace(
        'goal_radius_m: 0.4', 'goal_radius_m: 0.2'))
    width = maze.obs_dim + 2
    values = helper.make_tensor_value_info
    weights = np.zeros((width, 2), np.float32)
    weights[-2:, 0] = 0.4, 0.1
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['observation', 'speeds'], ['action'])], 'cruises',
        [values('observation', TensorProto.FLOAT, ['B', 1, width])],
        [values('action', TensorProto.FLOAT, ['B', 1, 2])],
        [helper.make_tensor('speeds', TensorProto.FLOAT, weights.shape, weights.ravel())])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    return save_checkpoint(
        tmp_path / 'cruises', maze, {'history': 1, 'horizon': 1, 'algorithm': 'bc',
                                     **card_of_tasks((maze, slow))},
        {'policy.onnx': model.SerializeToString(), 'weights.safetensors': b''})


@pytest.fixture(scope='session')
def synthetic():
    """Return ``synthetic_base.py``: bases of known truth, and bags of them."""
    spec = importlib.util.spec_from_file_location(
        'synthetic_base', Path(__file__).with_name('synthetic_base.py'))
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def cameras():
    """Return ``cameras.py``: robots with a camera, and bags of them."""
    spec = importlib.util.spec_from_file_location(
        'cameras', Path(__file__).with_name('cameras.py'))
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def strangers():
    """Return ``strangers.py``: recordings as strangers make them."""
    spec = importlib.util.spec_from_file_location(
        'strangers', Path(__file__).with_name('strangers.py'))
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(capsys):
    """Return a function that runs a command: (exit code, standard output, standard error)."""
    from ilw_core.errors import IlwError

    def call(command, *words):
        code = 0
        try:
            command.main([str(word) for word in words], standalone_mode=False)
        except SystemExit as end:
            code = end.code
        except IlwError as error:
            code = 2
            print(f'error: {error}', file=sys.stderr)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def typed(monkeypatch, capsys):
    """Return a function that runs ./ilw with words: (exit code, standard output and error)."""
    from ilw_bringup.cli import ilw
    from ilw_cli.run import run as run_command

    def call(*words):
        monkeypatch.setattr(sys, 'argv', ['ilw', *map(str, words)])
        code = 0
        try:
            run_command(ilw)
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
