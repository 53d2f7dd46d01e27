"""What drives is ended in any way, at any moment: the robot stands and nothing is left behind."""

import pytest

pytest.importorskip('rclpy')
from ilw_bringup.start.private_domain import private_domain
from ilw_faults.ends import CTRL_C, End, run_ends
from ilw_faults.stops_table import StopsRow, summary


def test_ends_at_random_moments_leave_a_robot_that_stands(tmp_path):
    with private_domain():
        ends = run_ends(tmp_path, 8, 5, lambda count, end: None)
    assert len(ends) == 8
    assert not [end for end in ends if not end.ok]


def test_an_end_counts_only_if_the_robot_stands_and_nothing_is_wrong():
    good = End(CTRL_C, 'person', 0.1, False, [], [])
    timed_out = End(CTRL_C, 'person', None, True, [], [])
    bad = [End(CTRL_C, 'person', None, False, [], []),
           End(CTRL_C, 'person', 0.1, False, ['x'], []),
           End(CTRL_C, 'person', 0.1, False, [], ['/tmp/x', '/tmp/y'])]
    assert good.ok and timed_out.ok
    assert not any(end.ok for end in bad)
    assert summary(CTRL_C, [good, timed_out, *bad]) == StopsRow(
        kind=CTRL_C, n=5, stop_action_last=3, robot_timed_out=1, troubled=1, left_behind=2,
        slowest_ms=100, ok=2)
