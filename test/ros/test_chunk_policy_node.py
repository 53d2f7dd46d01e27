"""A policy that gives chunks, over real DDS: it goes on while the next one is computed."""

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')
from diagnostic_msgs.msg import DiagnosticArray
from test_policy_node import Bench, P, start_policy

from ilw_core.episode import Source
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request

ROWS, EXECUTE = 16, 4
SLOWER_S = 0.3


@pytest.fixture
def bench(maze, ros):
    return Bench(ros, maze)


@pytest.fixture
def chunks(maze, tmp_path):
    """Return a checkpoint whose speed is 0.01 m/s more with every action of its chunk."""
    from onnx import TensorProto, helper

    rows = np.zeros((1, ROWS, 2), np.float32)
    rows[0, :, 0] = 0.01 * np.arange(ROWS)
    weights = [helper.make_tensor('zero', TensorProto.FLOAT, [maze.obs_dim, 2],
                                  [0.0] * 2 * maze.obs_dim),
               helper.make_tensor('rows', TensorProto.FLOAT, rows.shape, rows.ravel())]
    nodes = [helper.make_node('MatMul', ['observation', 'zero'], ['none']),
             helper.make_node('Add', ['none', 'rows'], ['action'])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (
        ('observation', ['B', 1, maze.obs_dim]), ('action', ['B', ROWS, 2]))]
    model = helper.make_model(helper.make_graph(nodes, 'rows', ends[:1], ends[1:], weights),
                              opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    save_checkpoint(tmp_path / 'chunks', maze, {
        'algorithm': 'test', 'history': 1, 'horizon': ROWS, 'execution': {'execute': EXECUTE}},
        {'policy.onnx': model.SerializeToString(), 'weights.safetensors': b'none'})
    return tmp_path / 'chunks'


def said(bench, ros):
    """Return what is said of the present tick."""
    ros.until(lambda: bench.statuses and stamp_ns(bench.statuses[-1].header.stamp) == bench.now
              and bench.statuses[-1].acting, 20, 'an action for the tick')
    begun = stamp_ns(bench.actions[-1].header.stamp)
    return bench.actions[-1], (bench.now - begun) // P


def request(chunk):
    return Request(chunk.source, stamp_ns(chunk.header.stamp), chunk.active, chunk.contract_hash,
                   list(chunk.names), chunk.period, chunk.horizon, list(chunk.values),
                   chunk.episode, stamp_ns(chunk.observation_stamp))


def test_it_is_driven_as_far_as_its_checkpoint_says(bench, ros, monkeypatch, chunks):
    start_policy(ros, monkeypatch, checkpoint=chunks)
    bench.matched()
    places = []
    for _ in range(9):
        bench.tick()
        chunk, place = said(bench, ros)
        places.append(place)
        assert chunk.horizon == ROWS
        assert stamp_ns(chunk.observation_stamp) == stamp_ns(chunk.header.stamp)
    assert places[:4] == [0, 1, 2, 3] and max(places) < ROWS


@pytest.mark.long
def test_inference_of_three_periods_never_lets_the_arbiter_wait(
        bench, ros, monkeypatch, chunks):
    start_policy(ros, monkeypatch, checkpoint=chunks, slower_s=SLOWER_S)
    heard = []
    bench.node.create_subscription(DiagnosticArray, '/diagnostics', heard.append, EVENT)
    bench.matched()
    arbiter, maze = Arbiter(bench.contract, armed=True), bench.contract
    begun, sources, places = set(), [], []
    bench.tick()
    said(bench, ros)  # the first is waited for
    for _ in range(30):
        due = time.monotonic() + P / 1e9  # ticks are no faster than on the robot
        bench.tick()
        chunk, place = said(bench, ros)
        arbiter.offer(request(chunk), bench.now, bench.now)
        decision = arbiter.decide(bench.now, bench.now)
        sources.append(decision.source)
        places.append(place)
        begun.add(stamp_ns(chunk.header.stamp))
        assert (decision.applied >= maze.action.low).all()
        assert (decision.applied <= maze.action.high).all()
        assert decision.requested[0] == pytest.approx(0.01 * place)
        ros.until(lambda: time.monotonic() >= due, 5)  # noqa: B023 - used at once
    assert sources == [Source.POLICY] * 30 and not arbiter.refused
    assert len(begun) >= 3 and max(places) < ROWS, 'chunk followed chunk'
    ros.until(lambda: any('queue' in said_of(each) for each in heard), 10, 'diagnostics')
    values = next(said_of(each) for each in heard if 'queue' in said_of(each))
    assert 0 < int(values['queue']) <= ROWS
    assert float(values['inference_ms']) >= 1e3 * SLOWER_S


def said_of(message):
    """Return the values of the policy's own diagnostics."""
    return {pair.key: pair.value for status in message.status for pair in status.values
            if 'policy' in status.name}
