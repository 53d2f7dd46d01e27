"""The lag between command and motion, against bases of known delay and inertia."""

import numpy as np
import pytest

from ilw_data.clocks.lag import Signal, find_lag

STEP_S = 0.001


def smooth(rng, at_s):
    return 0.25 + 0.2 * np.sin(0.7 * at_s + rng.uniform(0.0, 6.0))


def steps(rng, at_s):
    """Return what a thumb gives: values that last 0.5 to 2 s."""
    ends = np.cumsum(rng.uniform(0.5, 2.0, int(at_s[-1]) * 2 + 4))
    return rng.uniform(0.0, 0.5, len(ends))[np.searchsorted(ends, at_s)]


def drive(style, length_s, *, delay_s=0.0, inertia_s=0.0, command_hz=20.0, odom_hz=33.0,
          clock_s=0.0, seed=0):
    """Return command and measured speed of a base with a pure delay and a lag of first order."""
    rng = np.random.default_rng(seed)
    command_s = np.arange(0.0, length_s, 1.0 / command_hz)
    commands = style(rng, command_s)
    at_s = np.arange(0.0, length_s, STEP_S)
    told = commands[np.maximum(np.searchsorted(command_s, at_s - delay_s + 1e-9, side='right') - 1,
                               0)]
    speed, speeds = told[0], []
    for goal in told.tolist():
        speed += (goal - speed) * (STEP_S / inertia_s if inertia_s else 1.0)
        speeds.append(speed)
    odom_s = np.arange(0.0, length_s - 0.01, 1.0 / odom_hz)
    seen = np.array(speeds)[np.round(odom_s / STEP_S).astype(int)]
    return (Signal(command_s, commands, held=True),
            Signal(odom_s + clock_s, seen + rng.normal(0.0, 0.003, len(seen))))


@pytest.mark.parametrize('rate_hz', [5.0, 10.0, 20.0])
@pytest.mark.parametrize('length_s', [20.0, 60.0, pytest.param(300.0, marks=pytest.mark.long)])
@pytest.mark.parametrize('style', [smooth, steps])
@pytest.mark.parametrize(('delay_s', 'inertia_s'), [
    (0.0, 0.0), (0.1, 0.0), (0.16, 0.0), (0.33, 0.0), (0.5, 0.0), (0.01, 0.15), (0.1, 0.15)])
def test_the_lag_is_right_within_a_third_of_a_period(rate_hz, length_s, style, delay_s, inertia_s):
    found = find_lag([drive(style, length_s, delay_s=delay_s, inertia_s=inertia_s,
                            command_hz=rate_hz, seed=int(length_s))])
    assert found.seconds == pytest.approx(delay_s + inertia_s, abs=1.0 / rate_hz / 3.0)
    assert found.correlation > 0.9


@pytest.mark.parametrize('clock_s', [-0.3, -0.5, -0.8])
@pytest.mark.parametrize('style', [smooth, steps])
def test_motion_before_its_command_is_told_as_such(style, clock_s):
    found = find_lag([drive(style, 60.0, inertia_s=0.15, clock_s=clock_s)])
    assert found.seconds == pytest.approx(0.15 + clock_s, abs=0.017)


def test_several_recordings_with_clocks_of_their_own_count_together():
    pairs = [drive(steps, 20.0, delay_s=0.2, seed=seed) for seed in range(4)]
    moved = [(Signal(c.at_s + 1e3 * i, c.values, held=True), Signal(m.at_s + 1e3 * i, m.values))
             for i, (c, m) in enumerate(pairs)]
    assert find_lag(moved).seconds == pytest.approx(find_lag(pairs).seconds, abs=1e-6)


def test_commands_given_only_when_they_change_hold_until_the_next():
    command, motion = drive(steps, 60.0, delay_s=0.1, inertia_s=0.15, command_hz=20.0)
    changed = np.flatnonzero(np.diff(command.values, prepend=np.nan) != 0.0)
    found = find_lag([(Signal(command.at_s[changed], command.values[changed], held=True), motion)])
    assert found.seconds == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize('count', [0, 1, 2, 30])
def test_too_short_a_recording_tells_no_lag(count):
    command, motion = drive(steps, 20.0)
    assert find_lag([(Signal(command.at_s[:count], command.values[:count]),
                      Signal(motion.at_s[:count], motion.values[:count]))]) is None


def test_what_does_not_change_or_has_nothing_in_common_tells_no_lag():
    command, motion = drive(steps, 60.0)
    still = Signal(motion.at_s, np.full(len(motion.at_s), 0.2))
    assert find_lag([(command, still)]) is None
    for seed in range(5):
        other = np.random.default_rng(seed).normal(size=len(motion.at_s))
        assert find_lag([(command, Signal(motion.at_s, other))]) is None


def test_motion_against_the_command_is_no_lag():
    command, motion = drive(steps, 60.0, delay_s=0.1)
    found = find_lag([(command, Signal(motion.at_s, -motion.values))])
    assert found is None or abs(found.seconds - 0.1) > 0.2
