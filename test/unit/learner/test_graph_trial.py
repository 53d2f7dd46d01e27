"""Whatever a graph does to the process that tries it is an answer, within a bound of time."""

import os
from pathlib import Path
import signal
import subprocess
import time

import numpy as np
from onnx import TensorProto, helper
import pytest

from ilw_core.errors import CheckpointError, GraphError
from ilw_faults import hostile_graphs as hostile
from ilw_learner.checkpoint import graph_trial
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.checkpoint.graph_check import check_graph
from ilw_learner.runtime.runner import PolicyRunner

SHAPED = ('Reshape', 'Slice', 'TopK', 'Split', 'Unsqueeze', 'Squeeze', 'ReduceSum', 'CumSum')


def runner(folder, contract, raw, **more):
    save_checkpoint(folder / 'c', contract, {'history': 1, 'horizon': 1}, {
        'policy.onnx': raw, 'weights.safetensors': b''})
    return PolicyRunner(folder / 'c', contract, **more)


def tried(contract, raw):
    """Have a graph tried; returns the seconds it took."""
    begin = time.monotonic()
    graph_trial.try_graph(raw, contract, 1, 1, Path('policy.onnx'))
    return time.monotonic() - begin


@pytest.fixture
def child(monkeypatch):
    """Return a function that puts other code in the child's place."""
    def put(code):
        monkeypatch.setattr(graph_trial, '_START', f'import os, sys; {code}')
        monkeypatch.setattr(graph_trial, '_passed', set())
    return put


@pytest.mark.parametrize('operator', ['Div', 'Mod'])
@pytest.mark.parametrize('kind', hostile.KINDS)
def test_whole_numbers_are_never_divided(clutter, operator, kind):
    with pytest.raises(GraphError, match='divisions of whole numbers'):
        check_graph(hostile.whole_division(clutter, operator, hostile.KINDS[kind]), Path('x'))


@pytest.mark.parametrize('made', [
    lambda: helper.make_node('Shape', ['observation'], ['whole']),
    lambda: helper.make_node('ArgMax', ['observation'], ['whole'], axis=2),
    lambda: helper.make_node('Constant', [], ['whole'], value_int=0),
    lambda: helper.make_node('Constant', [], ['whole'], value_ints=[0]),
    lambda: helper.make_node('Constant', [], ['whole'],
                             value=helper.make_tensor('v', TensorProto.INT32, [1], [0])),
    lambda: helper.make_node('Cast', ['observation'], ['whole'], to=TensorProto.UINT8),
    lambda: helper.make_node('Equal', ['observation', 'observation'], ['whole'])])
@pytest.mark.parametrize('through', ['Identity', 'Concat', 'Max', 'Where', 'Transpose', 'Gather'])
def test_a_type_is_followed_through_whatever_gives_it_on(clutter, made, through):
    inputs = {'Where': ['yes', 'whole', 'whole'], 'Gather': ['whole', 'index']}
    nodes = [made(), helper.make_node(through, inputs.get(through, ['whole']), ['same']),
             helper.make_node('Div', ['same', 'same'], ['trap'])]
    raw = hostile.plus(clutter, nodes, hostile.array('yes', [True], bool),
                       hostile.array('index', [0], np.int64))
    with pytest.raises(GraphError, match='divisions of whole numbers'):
        check_graph(raw, Path('x'))


@pytest.mark.parametrize('operator', ['Pow', 'ReduceMean', 'Mean', 'Reciprocal'])
def test_what_divides_inside_takes_no_whole_numbers_either(clutter, operator):
    nodes = [helper.make_node('Shape', ['observation'], ['whole']),
             helper.make_node(operator, ['whole'] * (2 if operator == 'Pow' else 1), ['x'])]
    with pytest.raises(GraphError, match='divisions of whole numbers'):
        check_graph(hostile.plus(clutter, nodes), Path('x'))


@pytest.mark.parametrize('operator', SHAPED)
def test_no_shape_depends_on_what_the_robot_sees(clutter, operator):
    with pytest.raises(GraphError, match='shapes that do not depend'):
        check_graph(hostile.shaped(clutter, operator), Path('x'))


@pytest.mark.parametrize('wiring', [
    [('Add', ['observation', 'later'], ['x']), ('Abs', ['observation'], ['later'])],
    [('Abs', ['x'], ['x'])], [('Abs', ['nowhere'], ['x'])], [('Abs', [''], ['x'])],
    [('Abs', ['observation'], ['x']), ('Neg', ['observation'], ['x'])],
    [('Abs', ['observation'], ['observation'])]])
def test_a_value_is_computed_once_and_before_it_is_used(clutter, wiring):
    nodes = [helper.make_node(*each) for each in wiring]
    with pytest.raises(GraphError):
        check_graph(hostile.plus(clutter, nodes), Path('x'))


def test_more_nodes_than_any_network_has_are_refused(clutter):
    nodes = [helper.make_node('Abs', ['observation'], [f'x{i}']) for i in range(20_001)]
    with pytest.raises(GraphError, match='at most 20000 nodes'):
        check_graph(hostile.plus(clutter, nodes), Path('x'))


@pytest.mark.parametrize('made', [hostile.zero_stride, hostile.doubling, hostile.outer_product])
def test_a_graph_that_takes_all_memory_or_a_shape_from_nothing_is_refused(
        tmp_path, clutter, made):
    with pytest.raises(GraphError, match=r'no network|trial'):
        runner(tmp_path, clutter, made(clutter))


@pytest.mark.long
def test_a_graph_that_computes_without_end_is_refused_within_a_bound(
        tmp_path, clutter, monkeypatch):
    monkeypatch.setattr(graph_trial, 'CPU_S', 2)
    begin = os.times().children_user
    with pytest.raises(GraphError, match='computes for more than'):
        runner(tmp_path, clutter, hostile.products(clutter))
    assert os.times().children_user - begin < 4.0


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(clutter):
    empty = b'\x0a\x00' * 4_000_000  # eight million bytes, four million nodes
    with pytest.raises(GraphError):
        tried(clutter, b'\x3a' + b'\x80\xa4\xe8\x03' + empty)


@pytest.mark.parametrize('number', [signal.SIGFPE, signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT,
                                    signal.SIGBUS, signal.SIGILL, signal.SIGXCPU])
def test_every_death_of_the_child_is_an_answer(clutter, child, number):
    child(f'os.kill(os.getpid(), {int(number)})')
    with pytest.raises(GraphError, match=f'ended by {number.name}'):
        tried(clutter, b'x')


@pytest.mark.parametrize('code', [
    'sys.exit(0)', 'sys.exit(3)', 'print("[" * 100_000)', 'os.write(1, bytes(range(256)) * 1000)',
    'print("null")', 'print("{}")', 'print(1)', r'print("{\"passed\": 1}")',
    r'print("{\"passed\": true}"); sys.exit(1)', r'print("{\"refused\": [1]}"); sys.exit(1)',
    r'print("{\"passed\": true, \"more\": 1}")'])
def test_garbage_instead_of_an_answer_is_a_refusal(clutter, child, code):
    child(code)
    with pytest.raises(GraphError, match='without an answer'):
        tried(clutter, b'x')


def test_a_child_that_says_nothing_is_ended(clutter, child, monkeypatch):
    monkeypatch.setattr(graph_trial, 'WALL_S', 0.3)
    child('import time; time.sleep(60)')
    with pytest.raises(GraphError, match='no answer'):
        tried(clutter, b'x')


def test_where_no_child_can_be_started_nothing_is_accepted(clutter, monkeypatch):
    def refuse(*given, **more):
        raise BlockingIOError(11, 'Resource temporarily unavailable')

    monkeypatch.setattr(subprocess, 'Popen', refuse)
    with pytest.raises(GraphError, match='cannot be tried'):
        tried(clutter, hostile.plus(clutter, [
            helper.make_node('Abs', ['observation'], ['nothing_like_it'])]))


def test_actions_that_are_not_finite_somewhere_in_the_range_are_refused(tmp_path, clutter):
    nodes = [*hostile.one(), helper.make_node('Sub', ['one', 'least'], ['above']),
             helper.make_node('Log', ['above'], ['last'])]  # fine in the middle of the range
    low = float(np.mean(clutter.obs_low))
    raw = hostile.plus(clutter, nodes, hostile.array('least', low), last='last')
    with pytest.raises(CheckpointError, match='not finite'):
        runner(tmp_path, clutter, raw)


def test_a_network_that_is_slower_than_its_contract_is_refused(clutter, monkeypatch):
    quick = hostile.products(clutter, times=2, size=400)
    monkeypatch.setattr(type(clutter), 'period_ns', 1)
    with pytest.raises(GraphError, match='within'):
        tried(clutter, quick)


def test_a_graph_is_tried_once_and_one_of_this_process_not_at_all(tmp_path, clutter, monkeypatch):
    asked = []
    ask = graph_trial._ask_child
    monkeypatch.setattr(graph_trial, '_ask_child', lambda *a: asked.append(1) or ask(*a))
    monkeypatch.setattr(graph_trial, '_passed', set())
    raw = hostile.plus(clutter, [])
    runner(tmp_path, clutter, raw, own=True)
    assert asked == []
    runner(tmp_path / 'a', clutter, raw)
    runner(tmp_path / 'b', clutter, raw)
    assert asked == [1]
