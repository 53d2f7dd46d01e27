"""The resampler never looks ahead, never invents, and does not care how messages arrived."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from ilw_core.align import Resampler, StreamBuffer

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
