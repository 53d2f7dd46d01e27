"""From a joystick to requests: layouts, mapping, deadman, buttons."""

import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.stamps import LeadingClock, LogClock, PauseWatch, believable, read_together
from ilw_teleop.joystick.deadman import Deadman
from ilw_teleop.joystick.layout import BUTTON_CONTROLS, load_joystick
from ilw_teleop.joystick.mapping import StickMapping, past_deadzone
from ilw_teleop.joystick.teleop import Teleop

SECOND = 1_000_000_000
LB, RB, A, X, START = 4, 5, 0, 2, 7


@pytest.fixture(params=['xbox', 'ps4', 'ps5', 'f710_x', '8bitdo_x'])
def joystick(request):
    return load_joystick(config_file('joysticks', request.param))


@pytest.fixture
def xbox():
    return load_joystick(config_file('joysticks', 'xbox'))


@pytest.fixture
def teleop(clutter, xbox):
    return Teleop(clutter, xbox, timeout_ns=SECOND // 2)


def axes(forward=0.0, turn=0.0):
    return [0.0, forward, 0.0, turn, 0.0, 0.0, 0.0, 0.0]


def held(*more):
    return [int(i == LB or i in more) for i in range(11)]


def test_shipped_layouts_name_every_control(joystick):
    assert joystick.axis('forward') == 1
    assert joystick.axis('turn') == 3
    assert len(set(joystick.mapping.values())) == len(joystick.mapping)
    at_rest = [0.0] * len(joystick.axes), [0] * len(joystick.buttons)
    for control in BUTTON_CONTROLS:
        axes, buttons = (list(part) for part in at_rest)
        assert not joystick.pressed(control, axes, buttons)
        joystick.press(control, axes, buttons)
        assert [c for c in BUTTON_CONTROLS if joystick.pressed(c, axes, buttons)] == [control]
        assert not joystick.pressed(control, [], [])
    assert set(joystick.axis_codes) == set(joystick.axes)
    assert set(joystick.button_codes) == set(joystick.buttons)


@pytest.mark.parametrize(('old', 'new', 'word'), [
    ('forward: left_stick_y', 'forward: left_sick_y', 'mapping.forward'),
    ('turbo: rb', 'turbu: rb', 'turbo'),
    ('deadzone: 0.1', 'deadzone: 1.5', 'deadzone'),
    ('right_trigger: 5', 'right_trigger: -5', 'right_trigger'),
    ('axes:', 'axes: [', 'YAML|flow|joystick layout'),
])
def test_a_layout_with_a_mistake_is_refused_by_name(tmp_path, old, new, word):
    text = config_file('joysticks', 'xbox').read_text().replace(old, new, 1)
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    with pytest.raises(IlwError, match=word):
        load_joystick(path)


def test_action_leaves_zero_without_a_jump():
    assert past_deadzone(0.1, 0.1) == 0.0
    assert 0.0 < past_deadzone(0.1001, 0.1) < 1e-3
    assert past_deadzone(-1.0, 0.1) == -1.0


def test_full_stick_asks_for_the_limits(clutter):
    mapping = StickMapping(clutter.action, clutter.stick, deadzone=0.1)
    assert mapping.action({'forward': 1.0, 'turn': 1.0}, turbo=False).tolist() == [0.5, 1.5]
    assert mapping.action({'forward': -1.0, 'turn': -1.0}, turbo=False).tolist() == [0.0, -1.5]
    half = mapping.action({'forward': 0.55, 'turn': 0.0}, turbo=False)
    assert half == pytest.approx([0.25, 0.0])
    assert mapping.action({'forward': 70.0, 'turn': -1e9}, turbo=False).tolist() == [0.5, -1.5]


def test_without_turbo_it_is_slower_where_asked(clutter):
    mapping = StickMapping(clutter.action, clutter.stick, deadzone=0.0, normal_ratio=0.5)
    assert mapping.action({'forward': 1.0, 'turn': -1.0}, turbo=False).tolist() == [0.25, -0.75]
    assert mapping.action({'forward': 1.0, 'turn': -1.0}, turbo=True).tolist() == [0.5, -1.5]


def test_named_actions_are_snapped_to(maze):
    mapping = StickMapping(maze.action, maze.stick, deadzone=0.1, normal_ratio=0.5)
    assert mapping.action({'forward': 0.9, 'turn': 0.05}, turbo=False).tolist() == [0.4, 0.0]
    assert mapping.action({'forward': 0.3, 'turn': 1.0}, turbo=False).tolist() == [0.15, 1.2]
    assert mapping.action({'forward': 0.3, 'turn': -1.0}, turbo=False).tolist() == [0.15, -1.2]
    assert mapping.action({'forward': 0.0, 'turn': 0.0}, turbo=False).tolist() == [0.0, 0.0]


def test_the_deadman_needs_a_held_button_and_a_joystick_that_is_heard():
    deadman = Deadman(SECOND)
    assert not deadman.may_move(0)
    deadman.sample(0, True)
    assert deadman.may_move(SECOND)
    assert not deadman.may_move(SECOND + 1)
    assert not deadman.may_move(-1)
    deadman.sample(SECOND, False)
    assert not deadman.may_move(SECOND)


def test_a_released_deadman_asks_for_nothing(teleop):
    sample = teleop.on_sample(SECOND, axes(1.0, 1.0), [0] * 11)
    assert not sample.active
    assert sample.values.tolist() == [0.0, 0.0]


def test_a_held_deadman_passes_the_stick_on(teleop):
    teleop.on_sample(SECOND, axes(), [0] * 11)
    sample = teleop.on_sample(SECOND + 1, axes(1.0, -1.0), held(RB))
    assert sample.active
    assert sample.turbo
    assert sample.values.tolist() == [0.5, -1.5]


def test_a_press_counts_once_and_only_when_it_was_seen_to_begin(teleop):
    assert teleop.on_sample(0, axes(), held(A)).presses == ()
    assert teleop.on_sample(1, axes(), held()).presses == ()
    assert teleop.on_sample(2, axes(), held(A, START)).presses == ('start', 'save_success')
    assert teleop.on_sample(3, axes(), held(A)).presses == ()


def test_an_emergency_stop_counts_from_the_first_message(teleop):
    assert teleop.on_sample(0, axes(), held(X)).presses == ('estop',)
    assert teleop.on_sample(1, axes(), held(X)).presses == ()


@pytest.mark.parametrize('bad', [[], [0.0], axes(math.nan), axes(0.0, math.inf)])
def test_sticks_that_make_no_sense_release_the_deadman(teleop, bad):
    sample = teleop.on_sample(0, bad, held())
    assert not sample.active
    assert teleop.invalid == 1


def test_missing_buttons_are_not_pressed(teleop):
    assert not teleop.on_sample(0, axes(1.0), []).active


@pytest.mark.long
@given(st.lists(st.floats(), max_size=10), st.lists(st.integers(-2**31, 2**31), max_size=13))
def test_no_joystick_message_leads_out_of_range(sticks, buttons):
    contract = load_contract(config_file('tasks', 'clutter'))
    teleop = Teleop(contract, load_joystick(config_file('joysticks', 'xbox')), timeout_ns=1)
    values = teleop.on_sample(0, sticks, buttons).values
    assert np.isfinite(values).all()
    assert (values >= contract.action.low).all()
    assert (values <= contract.action.high).all()


def test_a_silent_joystick_releases_once(teleop):
    assert teleop.on_tick(0, SECOND) is None
    teleop.on_sample(0, axes(1.0), held())
    assert teleop.on_tick(SECOND // 2, SECOND) is None
    sample = teleop.on_tick(SECOND, SECOND)
    assert sample is not None
    assert not sample.active
    assert teleop.on_tick(2 * SECOND, 2 * SECOND) is None
    assert teleop.quiet


def test_a_leap_of_the_simulated_clock_is_no_silence(teleop):
    teleop.on_sample(0, axes(1.0), held())
    assert teleop.on_tick(2 * SECOND, 10_000_000) is None


def test_a_reset_of_the_simulator_starts_the_timeout_anew(teleop):
    teleop.on_sample(0, axes(1.0), held())
    teleop.leap(2 * SECOND)
    assert teleop.on_tick(2 * SECOND + SECOND // 2, SECOND) is None
    assert teleop.on_tick(3 * SECOND, SECOND) is not None


def test_a_stamp_may_lead_the_simulated_clock_but_not_by_hours():
    clock = LeadingClock(leads=True)
    assert clock.now_ns(SECOND, 2 * SECOND) == 2 * SECOND
    assert clock.now_ns(SECOND) == 2 * SECOND
    assert clock.now_ns(3 * SECOND, 10_000 * SECOND) == 3 * SECOND
    clock.reset()
    assert clock.now_ns(SECOND) == SECOND
    assert LeadingClock(leads=False).now_ns(SECOND, 2 * SECOND) == SECOND


class Held:
    """Two clocks, 7 s apart, of a process that is held for so long after each reading."""

    def __init__(self, *held_ns):
        self.at_ns, self.held_ns = SECOND, list(held_ns)

    def steady(self):
        read = self.at_ns
        self.at_ns += self.held_ns.pop(0) if self.held_ns else 1_000
        return read

    def wall(self):
        return self.steady() + 7 * SECOND


@pytest.mark.parametrize('held_ms', [(), (30,), (0, 30), (3, 9), (0, 0, 50), (8, 0, 0, 0, 8),
                                     (0, 1, 0, 2, 0, 0, 4)])
def test_two_clocks_are_read_at_one_moment_however_the_process_is_held(held_ms):
    clock = Held(*(ms * 1_000_000 for ms in held_ms))
    now, steady = read_together(clock.wall, clock.steady)
    assert abs(now - 7 * SECOND - steady) <= 500_000


def test_of_torn_readings_alone_the_least_torn_one_counts():
    clock = Held(*[9_000_000] * 6, *[2_000_000] * 2, 0, *[9_000_000] * 20)
    now, steady = read_together(clock.wall, clock.steady)
    assert abs(now - 7 * SECOND - steady) == 2_000_000


def test_an_empty_or_foreign_stamp_is_replaced():
    assert believable(0, SECOND) == SECOND
    assert believable(2 * SECOND, SECOND) == 2 * SECOND
    assert believable(10_000 * SECOND, SECOND) == SECOND


def test_a_simulated_clock_that_stands_still_is_paused():
    watch = PauseWatch(simulated=True)
    assert not watch.paused(5, 0)
    assert watch.paused(5, SECOND)
    assert not watch.paused(6, SECOND)
    real = PauseWatch(simulated=False)
    real.paused(5, 0)
    assert not real.paused(5, SECOND)


def test_no_two_messages_have_one_log_time():
    clock = LogClock()
    stamps = [clock.stamp_ns(now) for now in (SECOND, SECOND, SECOND, SECOND + 1, 2 * SECOND)]
    assert stamps == [SECOND, SECOND + 1, SECOND + 2, SECOND + 3, 2 * SECOND]
    assert clock.stamp_ns(SECOND) == SECOND  # the simulator was started anew
