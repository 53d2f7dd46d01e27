"""A run's time is the robot's, and no clock stretches it."""

from ilw_learner.runtime.time_limit import TimeLimit

S = 1_000_000_000
BEGIN = 1000 * S


def test_time_is_over_when_the_robots_clock_says_so_however_slow_it_is():
    limit = TimeLimit(10.0, BEGIN, 0)
    assert not any(limit.expired(BEGIN + i * S // 10, i * S) for i in range(1, 100))
    assert limit.expired(BEGIN + 10 * S, 100 * S)


def test_a_clock_that_stands_still_for_a_second_is_replaced_by_the_steady_one():
    limit = TimeLimit(3.0, BEGIN, 0)
    assert not any(limit.expired(BEGIN, i * S // 10) for i in range(40))
    assert limit.expired(BEGIN, 4 * S)


def test_pauses_add_up():
    limit, mono, now = TimeLimit(3.0, BEGIN, 0), 0, BEGIN
    for _ in range(3):
        assert not limit.expired(now, mono)
        mono += 2 * S
        limit.expired(now, mono)
        mono, now = mono + 1, now + 1
        limit.expired(now, mono)
    assert limit.expired(now + 1, mono + 1)


def test_a_clock_that_is_set_back_does_not_stretch_it():
    limit = TimeLimit(3.0, BEGIN, 0)
    assert not limit.expired(BEGIN - 3600 * S, S)
    assert not limit.expired(BEGIN - 3599 * S, 2 * S)
    assert limit.expired(BEGIN - 3598 * S, 3 * S)


def test_a_clock_that_has_not_begun_does_not_end_a_run_when_it_does():
    limit = TimeLimit(3.0, 0, 0)
    assert not limit.expired(0, S // 2)
    assert not limit.expired(BEGIN, S)
    assert not limit.expired(BEGIN + S, 2 * S)
    assert limit.expired(BEGIN + 2 * S, 3 * S)


def test_no_limit_is_never_over():
    assert not TimeLimit(float('inf'), BEGIN, 0).expired(BEGIN + 10 ** 6 * S, 10 ** 15)
