"""When the person at the joystick is told to look up."""

import pytest

from ilw_teleop.recording.recorder_watch import RecorderWatch

MS = 1_000_000


@pytest.fixture
def watch():
    return RecorderWatch()


def beat(watch, at_ms, recording='', suspect=False, refused=0):
    return watch.on_status(at_ms * MS, recording=recording, suspect=suspect, refused=refused)


def test_a_take_that_becomes_suspect_alarms_once(watch):
    assert not beat(watch, 0)
    assert not beat(watch, 250, 'a')
    assert beat(watch, 500, 'a', suspect=True)
    assert not beat(watch, 750, 'a', suspect=True)
    assert not beat(watch, 1000, 'b')
    assert beat(watch, 1250, 'b', suspect=True)


def test_a_refused_start_alarms(watch):
    assert not beat(watch, 0, refused=3)  # those were before our time
    assert beat(watch, 250, refused=4)
    assert not beat(watch, 500, refused=4)


def test_silence_is_noticed_within_a_second_and_once(watch):
    assert not watch.on_tick(9_000 * MS)  # there never was a recorder
    beat(watch, 10_000, 'a')
    assert not watch.on_tick(10_700 * MS)
    assert watch.on_tick(10_800 * MS)
    assert not watch.on_tick(10_900 * MS)
    assert watch.losing
    assert 'while it records a' in watch.text


def test_a_recorder_that_ends_between_takes_loses_nothing(watch):
    beat(watch, 0)
    assert watch.on_tick(800 * MS)
    assert not watch.losing


def test_a_recorder_that_comes_back_is_heard_again(watch):
    beat(watch, 0, 'a')
    watch.on_tick(800 * MS)
    assert not beat(watch, 5000, suspect=True, refused=1)  # a new one: its counts are its own
    assert not watch.gone
    assert watch.text == 'the recorder is heard'
