"""Streams whose lag, order and rate change on the way, counted by hand."""

from dataclasses import replace
import math
import statistics

import pytest

from ilw_data.bag.writer import WrittenTopic
from ilw_teleop.recording.gate import FRESH_NS, RecordingGate, header_stamp_ns
from ilw_teleop.recording.stream_watch import Limits, StreamWatch, limits_of

MS = 1_000_000
S = 1_000_000_000
P = 100 * MS
T0 = 1000 * S


def watched(arrivals, limits=None, begin=T0):
    """Return a watch after (stamp [ms], arrival [ms]) counted from the begin."""
    watch = StreamWatch('sensor_msgs/msg/LaserScan', limits or Limits(
        200 * MS, 4.5, 25 * MS, 100 * MS, sensor=True))
    watch.begin(begin)
    for stamp_ms, arrival_ms in arrivals:
        watch.take(T0 + round(stamp_ms * MS), T0 + round(arrival_ms * MS))
    return watch


# -- lag

@pytest.mark.parametrize(('lags_ms', 'least_s'), [
    ((30, 20, 70, 45), 0.02), ((70, 90, 80), 0.07), ((5, 4, 3, 2), 0.002), ((-10, 5), -0.01),
    ((0, 8), 0.0)])
def test_the_least_lag_is_the_smallest_whichever_came_when(lags_ms, least_s):
    arrivals = [(100 * k, 100 * k + lag) for k, lag in enumerate(lags_ms)]
    assert watched(arrivals).figures()['least_lag_s'] == pytest.approx(least_s)


@pytest.mark.parametrize(('lags_ms', 'word'), [
    ((130, 101, 150), 'arrives 0.10 s'), ((130, 99, 150), None), ((100, 100, 100), None),
    ((-21, 40, 40), '0.02 s in the future'), ((-20, 40, 40), None), ((-60, -25, 9), '0.06 s')])
def test_clocks_are_judged_by_the_least_lag_on_hardware_only(lags_ms, word):
    watch = watched([(100 * k, 100 * k + lag) for k, lag in enumerate(lags_ms)])
    said = ' '.join(watch.reasons(watch.arrived_ns, same_clock=False))
    assert (word in said) if word else ('clocks' not in said)
    assert 'clocks' not in ' '.join(watch.reasons(watch.arrived_ns, same_clock=True))


# -- order, doubles and gaps

def test_a_message_out_of_order_is_counted_once_and_opens_no_gap():
    watch = watched([(k, k) for k in (0, 100, 200)] + [(120, 210), (150, 220), (300, 300)])
    figures = watch.figures()
    assert (figures['disordered'], figures['doubles'], figures['gaps']) == (2, 0, 0)
    assert figures['count'] == 6 and watch.intervals == 3
    assert figures['max_gap_s'] == 0.1 and figures['rate_hz'] == pytest.approx(10.0)
    assert watch.reasons(T0 + 300 * MS, same_clock=True) == ['2 message(s) out of order.']


def test_a_double_is_no_disorder_and_no_interval():
    watch = watched([(0, 0), (100, 100), (100, 120), (100, 130), (230, 230)])
    figures = watch.figures()
    assert (figures['disordered'], figures['doubles']) == (0, 2)
    assert figures['max_gap_s'] == pytest.approx(0.13) and watch.intervals == 2


@pytest.mark.parametrize(('doubles', 'suspect'), [(1, False), (2, True), (5, True)])
def test_one_in_a_hundred_may_repeat_a_stamp(doubles, suspect):
    stamps = [(100 * k, 100 * k) for k in range(100 - doubles)]
    watch = watched(stamps + [stamps[-1]] * doubles)
    assert any('stamp of the one before' in why
               for why in watch.reasons(watch.arrived_ns, same_clock=True)) is suspect


@pytest.mark.parametrize(('steps_ms', 'gaps', 'longest_s'), [
    ((100, 200, 100), 0, 0.2), ((100, 201, 100), 1, 0.201), ((300, 100, 250), 2, 0.3),
    ((250, 100, 300, 210), 3, 0.3)])
def test_gaps_are_counted_and_the_longest_is_kept(steps_ms, gaps, longest_s):
    at, arrivals = 0, [(0, 0)]
    for step in steps_ms:
        at += step
        arrivals.append((at, at))
    watch = watched(arrivals)
    assert watch.figures()['gaps'] == gaps
    assert watch.figures()['max_gap_s'] == pytest.approx(longest_s)
    said = watch.reasons(watch.arrived_ns, same_clock=True)
    assert said == ([f'{gaps} gap(s), the longest {longest_s:.2f} s.'] if gaps else [])


@pytest.mark.parametrize(('silent_ms', 'said'), [
    (200, []), (201, ['1 gap(s), the longest 0.20 s.']), (950, ['1 gap(s), the longest 0.95 s.'])])
def test_silence_at_the_end_is_a_gap_as_long_as_it_lasts(silent_ms, said):
    watch = watched([(100 * k, 100 * k) for k in range(4)])
    assert watch.reasons(watch.arrived_ns + silent_ms * MS, same_clock=True) == said
    assert watch.figures()['gaps'] == 0, 'it may end yet'


def test_what_was_longer_before_is_told_though_silence_is_a_gap_too():
    watch = watched([(0, 0), (700, 700), (800, 800)])
    assert watch.reasons(T0 + 1300 * MS, same_clock=True) == ['2 gap(s), the longest 0.70 s.']


# -- rate and jitter

@pytest.mark.parametrize('steps_ms', [
    (100, 90, 115, 100, 104, 81, 100, 120, 97, 100, 93), (80, 130) * 6, (31, 45, 18, 70) * 4])
def test_rate_and_jitter_are_those_of_the_intervals(steps_ms):
    at, arrivals = 0, [(0, 0)]
    for step in steps_ms:
        at += step
        arrivals.append((at, at + 3))
    watch = watched(arrivals)
    assert watch.rate_hz == pytest.approx(1000 / statistics.mean(steps_ms))
    assert watch.jitter_ns == pytest.approx(statistics.stdev(steps_ms) * MS)
    assert watch.figures()['jitter_s'] == pytest.approx(statistics.stdev(steps_ms) / 1000,
                                                        abs=1e-6)


@pytest.mark.parametrize(('steps', 'suspect'), [(9, False), (10, True)])
def test_rate_and_jitter_of_few_messages_say_nothing(steps, suspect):
    slow = Limits(None, 20.0, 5 * MS, None, sensor=True)
    watch = watched([(100 * k + 40 * (k % 2), 100 * k + 40) for k in range(steps + 1)], slow)
    assert bool(watch.reasons(watch.arrived_ns, same_clock=True)) is suspect


@pytest.mark.parametrize(('spread_ms', 'suspect'), [(24, False), (26, True)])
def test_jitter_may_be_a_quarter_of_the_interval(spread_ms, suspect):
    steps = [100 - spread_ms, 100 + spread_ms] * 20
    at, arrivals = 0, [(0, 0)]
    for step in steps:
        at += step
        arrivals.append((at, at))
    said = watched(arrivals).reasons(T0 + at * MS, same_clock=True)
    assert any('jitter' in why for why in said) is suspect


def test_too_few_messages_or_one_say_nothing_of_a_rate():
    assert watched([]).rate_hz == 0.0 and watched([(5, 5)]).rate_hz == 0.0
    assert watched([(0, 0), (100, 100)]).jitter_ns == 0.0
    assert watched([(0, 0), (100, 100)]).rate_hz == pytest.approx(10.0)
    assert watched([]).reasons(T0, same_clock=True) == ['no message.']
    assert watched([]).figures()['missing'] and not watched([(0, 0)]).figures()['missing']


def test_an_empty_stamp_counts_as_its_arrival():
    watch = watched([(0, 0), (100, 100)])
    watch.take(0, T0 + 210 * MS)
    watch.take(-5, T0 + 330 * MS)
    figures = watch.figures()
    assert (figures['unstamped'], figures['disordered'], figures['max_gap_s']) == (2, 0, 0.12)
    assert figures['least_lag_s'] == 0.0


def test_a_restart_judges_anew_but_what_came_is_still_there():
    watch = watched([(0, 0), (700, 700), (650, 710), (710, 2000)])
    watch.take(0, T0 + 2010 * MS)
    watch.restart()
    figures = watch.figures()
    assert (figures['count'], figures['unstamped']) == (5, 1)
    assert [figures[key] for key in ('gaps', 'max_gap_s', 'disordered', 'doubles', 'rate_hz',
                                     'jitter_s', 'frozen_s', 'least_lag_s')] == [0] * 8
    watch.begin(T0 + 9 * S)
    assert (watch.count, watch.unstamped, watch.arrived_ns) == (0, 0, T0 + 9 * S)


@pytest.mark.parametrize(('contents', 'driven', 'frozen_s'), [
    ('aaaab', True, 1.5), ('abcde', True, 0.0), ('aaaaa', False, 0.0), ('aabbb', True, 1.0),
    ('aaabbbbb', True, 2.0), ('aaaabb', True, 1.5)])
def test_the_longest_time_of_sameness_counts_while_the_robot_is_driven(contents, driven,
                                                                       frozen_s):
    watch = watched([(0, 0)])
    for k, content in enumerate(contents):
        watch.look(content, T0 + k * 500 * MS, driven=driven)
    assert watch.figures()['frozen_s'] == pytest.approx(frozen_s)
    assert any('frozen' in why for why in watch.reasons(T0, same_clock=True)) is (frozen_s > 1.0)


# -- what a contract needs

@pytest.mark.parametrize(('tolerance_ms', 'gap_ms', 'least_hz'), [
    (200, 200, 4.5), (50, 200, 9.0), (500, 500, 1.8), (0, 200, 9.0)])
def test_what_a_topic_must_do_follows_from_its_tolerance(clutter, tolerance_ms, gap_ms, least_hz):
    sources = tuple(replace(s, align=replace(s.align, tolerance_ns=tolerance_ms * MS))
                    for s in clutter.sources)
    limits = limits_of(replace(clutter, sources=sources))
    assert limits['scan'] == Limits(gap_ms * MS, pytest.approx(least_hz), 25 * MS,
                                    gap_ms * MS // 2, sensor=True)
    assert limits['cmd_vel'] == Limits(200 * MS, pytest.approx(9.0), None, 200 * MS)
    assert limits['goal'] == Limits()


# -- the gate

ANY = WrittenTopic('/x', 'pkg/msg/Any', 'uint8 x')


def stamped(stamp_ns, *, little=True):
    order = 'little' if little else 'big'
    sec, nanosec = divmod(stamp_ns, S)
    return (bytes([0, int(little), 0, 0]) + sec.to_bytes(4, order, signed=True)
            + nanosec.to_bytes(4, order) + b'rest')


@pytest.mark.parametrize('stamp_ns', [0, 1, 7 * S + 3, T0 + 123_456_789, -2 * S + 5])
@pytest.mark.parametrize('little', [True, False])
def test_a_stamp_is_read_in_either_order_of_bytes(stamp_ns, little):
    assert header_stamp_ns(stamped(stamp_ns, little=little)) == stamp_ns
    assert header_stamp_ns(stamped(stamp_ns, little=little)[:11]) == 0
    assert header_stamp_ns(stamped(stamp_ns, little=little)[:12]) == stamp_ns


def begun(contract, **options):
    gate = RecordingGate(contract, **options)
    gate.published = dict(contract.topics)
    gate.begin(T0)
    return gate


def feed(gate, names, ticks, begin=0):
    for k in range(begin, begin + ticks):
        for name in names:
            gate.take(name, ANY, stamped(T0 + k * P), T0 + k * P, T0 + k * P)


@pytest.mark.parametrize('missing', ['scan', 'odom', 'cmd_vel', 'goal'])
@pytest.mark.parametrize('ticks', [1, 4, 9])
def test_a_topic_that_never_came_makes_even_the_shortest_take_suspect(clutter, missing, ticks):
    gate = begun(clutter)
    feed(gate, set(clutter.topics) - {missing}, ticks)
    assert not any(why.startswith(missing) for why in gate.suspect(T0 + (ticks - 1) * P))
    gate.end(T0 + (ticks - 1) * P)
    assert gate.verdict()['verdict'] == 'suspect'
    assert f'{missing}: no message.' in gate.verdict()['reasons']
    assert gate.verdict()['topics'][missing]['missing']


def test_while_it_goes_on_a_topic_has_a_second_to_come(clutter):
    gate = begun(clutter)
    feed(gate, set(clutter.topics) - {'scan'}, 14)
    assert gate.suspect(T0 + FRESH_NS) == []
    assert gate.suspect(T0 + FRESH_NS + 1) == ['scan: no message.']


def test_a_verdict_is_of_the_end_and_takes_more_reasons(clutter):
    gate = begun(clutter)
    feed(gate, clutter.topics, 20)
    gate.end(T0 + 19 * P)
    assert gate.suspect(T0 + 99 * S) == [], 'time after the end does not count'
    assert gate.verdict()['verdict'] == 'good'
    assert gate.verdict(['x: a reason.'])['reasons'] == ['x: a reason.']
    assert gate.verdict(['x: a reason.'])['verdict'] == 'suspect'
    gate.begin(T0 + 30 * S)
    assert any('no message' in why for why in gate.suspect(T0 + 40 * S)), 'it goes on again'


def test_what_is_stamped_before_a_restart_is_not_judged(clutter):
    gate = begun(clutter)
    feed(gate, clutter.topics, 12)
    gate.restart(T0 + 50 * P)
    gate.take('scan', ANY, b'', T0 + 12 * P, T0 + 12 * P)  # of the world before
    feed(gate, clutter.topics, 12, begin=50)
    assert gate.suspect(T0 + 61 * P) == []
    assert gate.verdict()['topics']['scan']['count'] == 25
    gate.begin(T0 + 62 * P)
    feed(gate, clutter.topics, 3, begin=1)
    assert gate.topics['scan'].intervals == 2, 'a new take forgets the restart'


@pytest.mark.parametrize(('age_ms', 'problem'), [(1000, False), (1001, True), (2500, True)])
def test_a_sensor_must_be_fresh_to_begin(clutter, age_ms, problem):
    gate = begun(clutter)
    for name in clutter.topics:
        gate.heard(name, ANY, stamped(T0), T0)
    for passed_ms in range(0, age_ms, 100):
        gate.problems(T0 + passed_ms * MS)
    said = gate.problems(T0 + age_ms * MS)
    assert [why.partition(':')[0] for why in said] == (['scan', 'odom'] if problem else [])
    assert gate.problems(T0 + age_ms * MS, paused=True) == []
    assert not problem or f'{age_ms / 1000:.1f} s old' in said[0]


def test_each_topic_must_be_published_with_its_type_and_have_spoken(clutter):
    gate = begun(clutter)
    gate.published = {'scan': 'sensor_msgs/msg/LaserScan', 'odom': 'nav_msgs/msg/Path',
                      'cmd_vel': 'geometry_msgs/msg/TwistStamped'}
    assert gate.problems(T0) == [
        'scan: no message yet.', 'goal: nobody publishes it.',
        'odom: is a nav_msgs/msg/Path, the contract says nav_msgs/msg/Odometry.']
    gate.heard('elsewhere', ANY, stamped(T0), T0)
    assert gate.problems(T0, paused=True)[0].startswith('goal')


def test_figures_are_rounded_as_they_are_written():
    figures = watched([(k * 100.123, k * 100.123 + 0.4567891) for k in range(12)]).figures()
    assert figures['rate_hz'] == round(1000 / 100.123, 3)
    assert figures['least_lag_s'] == 0.000457
    assert math.isclose(figures['max_gap_s'], 0.100123)


@pytest.mark.parametrize(('steps_ms', 'spread_ms'), [((100, 120), math.sqrt(200.0)),
                                                     ((100, 100), 0.0), ((40, 90), 35.355339)])
def test_two_intervals_have_a_spread(steps_ms, spread_ms):
    first, second = steps_ms
    watch = watched([(0, 0), (first, first), (first + second, first + second)])
    assert watch.jitter_ns == pytest.approx(spread_ms * MS, abs=1.0)


@pytest.mark.parametrize(('period_ms', 'looked_ms'), [
    (250, [0, 250, 500, 750, 1000]), (100, [0, 300, 600, 900]), (251, [0, 251, 502, 753, 1004]),
    (249, [0, 498, 996])])
def test_the_content_of_a_sensor_is_looked_at_every_quarter_of_a_second(clutter, period_ms,
                                                                         looked_ms):
    gate, looked = begun(clutter), []
    gate.topics['odom'].look = lambda content, stamp_ns, driven: looked.append(stamp_ns - T0)
    gate.topics['goal'].look = lambda *_, **__: pytest.fail('a held topic may stay the same')
    for ms in range(0, 1010, period_ms):
        for name in ('odom', 'goal'):
            gate.take(name, ANY, stamped(T0 + ms * MS), T0 + ms * MS, T0 + ms * MS)
    assert looked == [ms * MS for ms in looked_ms]


@pytest.mark.parametrize(('period_ms', 'taken_ms'), [(50, [0, 50, 100, 150, 200]),
                                                     (20, [0, 60, 120, 180]), (49, [0, 98, 196])])
def test_commands_are_looked_at_twice_in_a_period_at_most(clutter, period_ms, taken_ms):
    gate, taken = begun(clutter), []
    gate._on_command = lambda name, topic, data, stamp_ns: taken.append(stamp_ns - T0)
    for ms in range(0, 201, period_ms):
        gate.take('cmd_vel', ANY, stamped(T0 + ms * MS), T0 + ms * MS, T0 + ms * MS)
    assert taken == [ms * MS for ms in taken_ms]
