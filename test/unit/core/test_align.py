"""The resampler never looks ahead, never invents, and does not care how messages arrived."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np

from ilw_core.align import Resampler, StreamBuffer, sample_rows
from ilw_sim.sensing.readings import laser_scan, pose_stamped

MS = 1_000_000


def test_a_message_at_the_tick_belongs_to_it_and_a_later_one_does_not():
    buffer = StreamBuffer()
    buffer.push(100, 'a')
    buffer.push(200, 'b')
    assert buffer.sample(199) == (100, 'a')
    assert buffer.sample(200) == (200, 'b')
    assert buffer.sample(99) is None


def test_an_old_message_is_no_message():
    buffer = StreamBuffer()
    buffer.push(100, 'a')
    assert buffer.sample(150, tolerance_ns=50) == (100, 'a')
    assert buffer.sample(151, tolerance_ns=50) is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), unique=True, min_size=1), st.integers(0, 1000),
       st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(stamps, tick, random):
    ordered, shuffled = StreamBuffer(None), StreamBuffer(None)
    for stamp in sorted(stamps):
        ordered.push(stamp, stamp)
    random.shuffle(stamps)
    for stamp in stamps:
        shuffled.push(stamp, stamp)
    assert ordered.sample(tick) == shuffled.sample(tick)
    expected = max((s for s in stamps if s <= tick), default=None)
    assert (ordered.sample(tick) or (None,))[0] == expected


def test_the_buffer_is_bounded():
    buffer = StreamBuffer(keep=3)
    for stamp in range(10):
        buffer.push(stamp, stamp)
    assert buffer.oldest_ns == 7
    assert buffer.newest_ns == 9


def test_what_is_missing_is_masked_and_never_a_silent_zero(maze, odometry):
    resampler = Resampler(maze)
    assert resampler.complete_ns() is None
    assert not resampler.observe(0).valid.any()
    resampler.push('pose', 100 * MS, odometry(x=1.5))
    assert resampler.observe(99 * MS).valid.sum() == 0, 'nothing from the future'
    seen = resampler.observe(150 * MS)
    assert seen.valid.all()
    assert seen.values[0] == np.float32(1.5)
    assert seen.age_ns == 50 * MS
    assert not resampler.observe(301 * MS).valid.any(), 'older than 200 ms'


def test_a_tick_is_complete_when_every_stream_has_passed_it(clutter, odometry):
    resampler = Resampler(clutter)
    resampler.push('velocity', 200 * MS, odometry())
    assert resampler.complete_ns() is None
    resampler.push('lidar', 100 * MS, None)
    assert resampler.complete_ns() == 100 * MS
    assert resampler.begin_ns() is None, 'the goal has not come yet'


@settings(deadline=None)
@given(st.lists(st.integers(-50, 1000), max_size=40),
       st.lists(st.integers(-60, 1100), max_size=20), st.none() | st.integers(0, 60))
def test_all_rows_at_once_are_what_the_buffer_gives_one_by_one(stamps, ticks, tolerance):
    buffer = StreamBuffer(None)
    for row, stamp in enumerate(stamps):
        buffer.push(stamp, row)
    rows = sample_rows(np.array(stamps, np.int64), np.array(ticks, np.int64), tolerance)
    assert rows.dtype == np.int64
    for tick, row in zip(ticks, rows.tolist(), strict=True):
        found = buffer.sample(tick, tolerance)
        assert row == (-1 if found is None else found[1])
        assert found is None or found[0] == stamps[row]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 9))
def test_a_bounded_buffer_keeps_the_newest_stamps_with_their_last_message(stamps, keep):
    buffer, last = StreamBuffer(keep), {}
    for row, stamp in enumerate(stamps):
        buffer.push(stamp, row)
        last[stamp] = row
        last = dict(sorted(last.items())[-keep:])
        assert (buffer.oldest_ns, buffer.newest_ns) == (min(last), max(last))
        for held, message in last.items():
            assert buffer.sample(held) == (held, message)
        assert buffer.sample(min(last) - 1) is None
    buffer.clear()
    assert (buffer.oldest_ns, buffer.newest_ns, buffer.sample(10**9)) == (None, None, None)
    buffer.push(3, 'again')
    assert buffer.sample(3) == (3, 'again')


def goal(x):
    return pose_stamped(0, 'odom', (x, 0.5, 0.0))


def scan(far):
    return laser_scan(0, np.full(36, far), range_min=0.1, range_max=8.0, scan_time=0.1)


def test_an_observation_takes_each_entry_by_its_own_rule(clutter, odometry):
    resampler = Resampler(clutter)
    resampler.push('goal', 10 * MS, goal(2.0))
    resampler.push('lidar', 300 * MS, scan(2.5))
    resampler.push('velocity', 380 * MS, odometry(v=0.3, w=-0.4))
    resampler.push('velocity', 420 * MS, odometry(v=0.4, w=0.9))
    assert (resampler.begin_ns(), resampler.complete_ns()) == (380 * MS, 300 * MS)
    names = list(clutter.obs_names)
    seen = resampler.observe(400 * MS)
    assert seen.tick_ns == 400 * MS and seen.valid.all()
    assert seen.age_ns == 100 * MS, 'of the oldest that is not held'
    assert seen.values[0] == 2.5
    assert seen.values[names.index('velocity.turn_radps')] == np.float32(-0.4)
    assert seen.values.dtype == np.float32
    late = resampler.observe(510 * MS)
    gone = [names[i] for i in np.flatnonzero(~late.valid)]
    assert gone == [f'lidar.{i}_m' for i in range(36)], 'the goal may be of any age'
    assert not late.values[:36].any() and late.age_ns == 90 * MS
    assert late.values.dtype == np.float32, 'of what is missing, too'
    later = resampler.observe(630 * MS)
    assert not later.valid.any(), 'the goal is seen from where the robot is'
    assert later.age_ns == 0
    resampler.clear()
    assert resampler.begin_ns() is None and resampler.complete_ns() is None


def test_held_topics_alone_are_complete_with_the_oldest_of_their_newest(clutter, odometry):
    held = replace(clutter, sources=tuple(
        replace(s, align=replace(s.align, how='hold')) for s in clutter.sources))
    resampler = Resampler(held)
    resampler.push('velocity', 700 * MS, odometry())
    resampler.push('goal', 10 * MS, goal(1.0))
    assert resampler.complete_ns() is None
    resampler.push('lidar', 500 * MS, scan(1.0))
    assert resampler.complete_ns() == 10 * MS
    assert resampler.observe(10**12).valid.all() and resampler.observe(10**12).age_ns == 0


def test_a_resampler_keeps_as_many_of_each_topic_as_was_said(maze, odometry):
    for keep, kept in ((3, 3), (None, 100)):
        resampler = Resampler(maze, keep)
        for k in range(100):
            resampler.push('pose', k * MS, odometry(x=float(k)))
        assert resampler.begin_ns() == (100 - kept) * MS
    assert Resampler(maze)._buffers['pose']._keep == 64
    buffer = StreamBuffer()
    for k in range(70):
        buffer.push(k, k)
    assert buffer.oldest_ns == 6
