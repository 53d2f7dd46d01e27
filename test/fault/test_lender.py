"""Faults that share running nodes: each finds them as they begin, or gets new ones."""

import signal

import pytest

pytest.importorskip('rclpy')
from std_srvs.srv import Trigger

from ilw_faults.lender import Lender
from ilw_faults.row import Fault, Seen
from ilw_msgs.msg import ActionChunk
from ilw_ros.qos import REQUEST


@pytest.fixture
def judged(tmp_path):
    """Return what injects a function as a fault; that returns what it returned, and the nodes."""
    with Lender(tmp_path) as lender:
        def inject(what, ok=True):
            found = []

            def body(loop):
                found.extend([what(loop), {loop.fleet.pid(name) for name in loop.specs}])
                return Seen('', None, 0, ok)

            lender.inject(Fault('it', 'nothing', body, nodes={'record': False}))
            return found

        yield inject


def leave_a_mess(loop):
    """Hold a stick, be a rival of the policy, and press the emergency stop."""
    loop.drive()
    loop.spy.node.create_publisher(ActionChunk, 'policy/action', REQUEST)
    loop.call(Trigger, 'arbiter/estop', Trigger.Request())
    loop.until(lambda: loop.spy.states[-1].estopped, 10.0, 'the emergency stop')
    (loop.place / 'mess').touch()
    return loop.now_ns()


def look_around(loop):
    spy = loop.spy
    found = (loop.now_ns(), spy.states[-1].armed, spy.states[-1].estopped, spy.moving(),
             spy.node.count_publishers('policy/action'), [*loop.place.iterdir()])
    loop.drive()
    return found


@pytest.mark.long
def test_the_next_fault_finds_the_nodes_as_they_begin_or_new_ones(judged):
    left_ns, nodes = judged(leave_a_mess)
    (now_ns, *found), again = judged(look_around, ok=False)
    assert again == nodes and now_ns > left_ns
    assert found == [False, False, False, 0, []]
    _, others = judged(lambda loop: None)
    assert not nodes & others, 'the row before was not as expected'


@pytest.mark.slow
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_nodes_that_a_fault_broke_against_its_word_are_not_lent_again(judged, number):
    def strike(loop):
        loop.until(lambda: loop.spy.states, 20.0, 'the arbiter')
        loop.strike('teleop', number)

    _, nodes = judged(strike)
    _, others = judged(lambda loop: None)
    assert not nodes & others
