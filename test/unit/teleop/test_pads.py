"""A pad that is not the layout's makes nothing but the emergency stop, whatever comes."""

import math

from fake_pads import sent
import pytest

from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file, config_folder
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.stick import Stick
from ilw_teleop.joystick.fit import resting
from ilw_teleop.joystick.keyboard import Keyboard
from ilw_teleop.joystick.layout import BUTTON_CONTROLS, known_joysticks, load_joystick
from ilw_teleop.joystick.teleop import Teleop

MS = 1_000_000
NAMES = sorted(path.stem for path in (config_folder() / 'joysticks').glob('*.yaml'))
KNOWN = known_joysticks()
ALIKE = [{'xbox', 'f710_x', '8bitdo_x'}, {'xbox_bluetooth', '8bitdo'}, {'ps4', 'ps5'},
         {'f710_d'}, {'switch_pro'}, {'game_controller'}, {'xbox_wireless'}]
"""Each of a group sends the same messages, and means the same by them"""
PAIRS = [(one, other) for one in NAMES for other in NAMES
         if not any({one, other} <= group for group in ALIKE)]
MOVES = {'forward': 1.0, 'turn': -1.0}


class Hand:
    """Sends what pads send, one message every 50 ms, and collects what it did."""

    def __init__(self, teleop):
        self.teleop, self.now, self.samples = teleop, 0, []

    def send(self, message, times=1):
        for _ in range(times):
            self.now += 50 * MS
            self.samples.append(self.teleop.on_sample(self.now, *message))
        return self.samples[-1]

    def silence(self):
        self.now += 1000 * MS
        return self.teleop.on_tick(self.now, 1000 * MS)

    @property
    def presses(self):
        return [control for sample in self.samples for control in sample.presses]


@pytest.fixture
def hand(clutter):
    return lambda name: Hand(Teleop(
        clutter, None if name == 'auto' else KNOWN[name], timeout_ns=500 * MS))


def test_the_layouts_that_people_ask_for_are_shipped():
    assert {name for group in ALIKE for name in group} <= set(NAMES)
    assert set(KNOWN) == set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_a_pad_fits_its_own_layout_and_those_that_mean_the_same(name):
    group = next(group for group in ALIKE if name in group)
    assert set(resting(KNOWN, *KNOWN[name].at_rest())) == group
    assert len({KNOWN[other].meaning() for other in group}) == 1


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('layout', ['own', 'auto'])
def test_a_pad_of_the_layout_drives_once_it_was_seen_at_rest(hand, name, layout):
    pad, own = hand(name if layout == 'own' else 'auto'), KNOWN[name]
    assert not pad.send(sent(own, 'deadman', **MOVES)).active
    assert not pad.send(sent(own)).active
    assert pad.teleop.why == ''
    sample = pad.send(sent(own, 'deadman', **MOVES))
    assert sample.active
    assert sample.values.tolist() == [0.5, -1.5]
    assert pad.send(sent(own, 'deadman', 'override')).override
    for control in BUTTON_CONTROLS:
        pad.send(sent(own))
        assert control in pad.send(sent(own, control)).presses


@pytest.mark.parametrize(('layout', 'other'), PAIRS)
def test_of_a_foreign_pad_nothing_counts_but_its_emergency_stop(hand, layout, other):
    pad, foreign = hand(layout), KNOWN[other]
    pad.send(sent(foreign))
    for control in BUTTON_CONTROLS:
        pad.send(sent(foreign, control, 'deadman', **MOVES), times=3)
        pad.send(sent(foreign))
    assert 'estop' in pad.presses
    assert set(pad.presses) == {'estop'}
    assert not any(sample.active or sample.override for sample in pad.samples)
    assert f'does not fit the layout {layout}' in pad.teleop.why
    assert other in pad.teleop.why
    assert './ilw joystick test' in pad.teleop.why


@pytest.mark.parametrize(('layout', 'axes', 'buttons'), [
    (layout, axes, buttons) for layout in NAMES
    for axes, buttons in ((8, 11), (8, 15), (6, 12), (6, 21), (2, 4), (0, 3), (30, 40))
    if axes not in KNOWN[layout].axes_allowed or buttons not in KNOWN[layout].buttons_allowed])
def test_no_button_of_a_pad_of_other_numbers_makes_anything_but_a_stop(
        hand, layout, axes, buttons):
    pad = hand(layout)
    for held in range(buttons):
        pad.send(([0.0] * axes, [0] * buttons))
        for value in (1.0, -1.0):
            pad.send(([value] * axes, [int(i == held) for i in range(buttons)]))
    assert set(pad.presses) <= {'estop'}
    assert not any(sample.active or sample.override for sample in pad.samples)


def test_the_stop_where_the_layout_has_it_works_on_a_pad_that_no_layout_fits(hand):
    pad = hand('xbox')
    pad.send(([0.0] * 3, [0] * 5))
    assert pad.send(([0.0] * 3, [0, 0, 1, 0, 0])).presses == ('estop',)
    assert 'teach' in pad.teleop.why


def test_a_pad_that_comes_instead_while_driving_stops_the_robot(hand):
    pad, own, foreign = hand('xbox'), KNOWN['xbox'], KNOWN['ps4']
    pad.send(sent(own))
    assert pad.send(sent(own, 'deadman', **MOVES)).active
    assert not pad.send(sent(foreign, 'deadman', **MOVES)).active
    assert not pad.send(sent(own, 'deadman', **MOVES)).active  # and back, the thumb still on it
    pad.send(sent(own))
    assert pad.send(sent(own, 'deadman', **MOVES)).active


@pytest.mark.parametrize('gap', ['noticed', 'unnoticed', 'told'])
def test_after_a_gap_the_deadman_must_be_let_go_of_first(hand, gap):
    pad, own = hand('xbox'), KNOWN['xbox']
    pad.send(sent(own))
    pad.send(sent(own, 'deadman', **MOVES))
    if gap == 'noticed':
        assert not pad.silence().active
    elif gap == 'unnoticed':
        pad.now += 1000 * MS
    else:  # joy_node says that the pad was unplugged
        assert not pad.send(([], [])).active
        assert pad.teleop.quiet
    assert not pad.send(sent(own, 'deadman', **MOVES), times=5).active
    assert pad.teleop.waits
    pad.send(sent(own))
    assert pad.send(sent(own, 'deadman', **MOVES)).active


@pytest.mark.parametrize('trouble', [math.nan, math.inf, 1.5, -7.0])
def test_values_that_no_pad_sends_release_everything(hand, trouble):
    pad, own = hand('xbox'), KNOWN['xbox']
    pad.send(sent(own))
    axes, buttons = sent(own, 'deadman', **MOVES)
    assert pad.send((axes, buttons)).active
    axes[4] = trouble  # an axis that nothing is mapped to
    assert not pad.send((axes, buttons)).active
    assert not pad.send(sent(own, 'deadman', **MOVES)).active


@pytest.mark.parametrize('state', [2, -1, 255])
def test_a_button_that_is_neither_up_nor_down_is_no_button(hand, state):
    pad, own = hand('xbox'), KNOWN['xbox']
    axes, buttons = own.at_rest()
    buttons[own.buttons['y']] = state
    pad.send(own.at_rest())
    assert pad.send((axes, buttons)).presses == ()
    assert 'neither' in pad.teleop.why


def test_a_trigger_that_was_never_moved_reads_zero_and_is_at_rest(hand):
    pad, own = hand('xbox'), KNOWN['xbox']  # zero, as SDL has it
    pad.send(([0.0] * 8, [0] * 11))
    axes, buttons = sent(own, 'deadman', forward=1.0)
    axes[2] = axes[5] = 0.0
    sample = pad.send((axes, buttons))
    assert sample.active
    assert not sample.override


def test_a_trigger_that_reads_zero_must_be_pressed_once_where_another_pad_has_the_numbers(hand):
    pad, own = hand('xbox_bluetooth'), KNOWN['xbox_bluetooth']  # as the wireless receiver
    left, right = own.axes['left_trigger'], own.axes['right_trigger']

    def triggers(at_left, at_right, *down):
        axes = [0.0] * 8
        axes[left], axes[right] = at_left, at_right
        return axes, [int(i in down) for i in range(15)]

    pad.send(triggers(0.0, 0.0))
    axes, buttons = sent(own, 'deadman', 'arm', forward=1.0)
    axes[left] = axes[right] = 0.0
    sample = pad.send((axes, buttons))
    assert not sample.active
    assert sample.presses == ()
    pad.send(triggers(0.0, 0.0))
    assert 'Press and release both triggers once' in pad.teleop.why
    assert 'fit the layout' not in pad.teleop.why
    assert pad.send(triggers(0.0, 0.0, own.buttons['x'])).presses == ('estop',)
    pad.send(triggers(-1.0, 0.0))
    pad.send(triggers(1.0, 0.0))
    assert 'the trigger once (right_trigger)' in pad.teleop.why
    pad.send(triggers(1.0, 0.3))
    pad.send(sent(own))
    assert pad.teleop.why == ''
    assert pad.send(sent(own, 'deadman')).active


@pytest.mark.parametrize('layout', ['xbox_bluetooth', '8bitdo'])
@pytest.mark.parametrize('triggers', [0.0, 1.0])
def test_a_pad_on_the_wireless_receiver_is_not_driven_with_and_stops(hand, layout, triggers):
    pad = hand(layout)  # the same numbers; its Back is the deadman there, its X nothing

    def wireless(*down):
        return ([0.0, 1.0 if down else 0.0, triggers, 0.0, 0.0, triggers, 0.0, 0.0],
                [int(i in down) for i in range(15)])

    for button in range(15):
        pad.send(wireless(), times=3)
        assert not pad.send(wireless(button), times=3).active
        pad.send(wireless(button, 6))
    assert not any(sample.active or sample.override for sample in pad.samples)
    assert set(pad.presses) == {'estop'}
    assert pad.send(wireless(), times=2).presses == ()
    assert pad.send(wireless(2)).presses == ('estop',)


def test_auto_tells_pads_of_the_same_numbers_apart_by_their_rest(hand):
    for name in ('xbox_bluetooth', 'xbox_wireless'):
        pad = hand('auto')
        pad.send(([0.0] * 8, [0] * 15))
        assert 'Let go of all of it' in pad.teleop.why
        pad.send(sent(KNOWN[name]))
        assert pad.send(sent(KNOWN[name], 'deadman')).active


@pytest.mark.parametrize('axis', ['left_stick_y', 'right_trigger'])
def test_a_stick_off_centre_at_the_start_asks_to_let_go_of_it_and_for_no_other_layout(hand, axis):
    pad, own = hand('xbox'), KNOWN['xbox']
    axes, buttons = own.at_rest()
    axes[own.axes[axis]] = -0.6
    pad.send((axes, buttons))
    assert axis in pad.teleop.why
    assert 'Let go of it' in pad.teleop.why
    assert not any(name in pad.teleop.why for name in ('f710_x', '8bitdo_x', 'May fit', 'teach'))


def test_a_stick_where_the_layout_has_a_trigger_never_overrides(hand):
    pad = hand('xbox')  # another pad of the same numbers, its right stick on axis 2
    pad.send(([0.0] * 8, [0] * 11))
    axes, buttons = [0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [int(i == 4) for i in range(11)]
    assert not pad.send((axes, buttons), times=3).override


def test_a_trigger_that_stays_in_the_middle_is_a_stick_and_so_another_pad(hand):
    pad, still = hand('xbox'), sent(KNOWN['xbox'])
    pad.send(still)
    axes, held = sent(KNOWN['xbox'], 'deadman')
    axes[2] = 0.0
    assert pad.send((axes, held)).active
    assert not pad.send((axes, held), times=50).active
    assert 'stays in the middle' in pad.teleop.why
    assert pad.send((axes, [0] * 11)).presses == ()
    assert not pad.send((axes, held)).active


def test_a_trigger_that_moved_and_was_never_seen_at_rest_is_another_pad_s(hand):
    pad, held = hand('xbox'), [int(i == 4) for i in range(11)]
    pad.send(([0.0] * 8, [0] * 11))
    turned_round = [0.0, 0.0, -1.0, 0.0, 0.0, -1.0, 0.0, 0.0]  # triggers that rest at -1
    assert not pad.send((turned_round, held)).override
    assert not pad.send((turned_round, held), times=25).active
    assert 'axis 2' in pad.teleop.why
    pad.send(sent(KNOWN['xbox']))
    assert pad.send(sent(KNOWN['xbox'], 'deadman')).active


def test_a_trigger_where_the_layout_has_a_stick_is_never_at_rest(hand):
    pad = hand('xbox')  # another pad of the same numbers, a trigger on axis 3: turn
    axes = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    pad.send((axes, [0] * 11), times=3)
    sample = pad.send((axes, [int(i in (3, 4)) for i in range(11)]))
    assert not sample.active
    assert sample.presses == ()
    assert 'axis 3' in pad.teleop.why


def test_a_stick_that_lies_on_its_side_for_long_must_come_to_rest_again(hand):
    pad, own = hand('xbox'), KNOWN['xbox']
    pad.send(sent(own))
    pad.send(sent(own, forward=1.0), times=70)
    assert not pad.send(sent(own, 'deadman', forward=1.0)).active
    pad.send(sent(own))
    assert pad.send(sent(own, 'deadman', forward=1.0)).active


def test_an_emergency_stop_on_a_trigger_counts_wherever_it_was_before(clutter):
    mine = load_joystick(config_file('joysticks', 'xbox'))
    mine.mapping.update(estop='-right_trigger')
    pad = Hand(Teleop(clutter, mine, timeout_ns=500 * MS))
    pad.send(([0.0] * 8, [0] * 11))
    assert pad.send(([0.0] * 5 + [-1.0, 0.0, 0.0], [0] * 11)).presses == ('estop',)


def test_auto_refuses_what_several_layouts_fit_in_different_ways(clutter):
    one = KNOWN['xbox']
    twisted = load_joystick(config_file('joysticks', 'xbox'))
    twisted.mapping.update(deadman='rb', turbo='lb')
    pad = Hand(Teleop(clutter, None, timeout_ns=500 * MS, known={'one': one, 'two': twisted}))
    pad.send(sent(one))
    assert not pad.send(sent(one, 'deadman', **MOVES)).active
    assert 'one, two' in pad.teleop.why
    assert pad.send(sent(one, 'estop')).presses == ('estop',)


@pytest.mark.parametrize(('old', 'new', 'word'), [
    ('axes: 8, buttons', 'axes: 7, buttons', 'device.joy.axes'),
    ('buttons: [11, 12]', 'buttons: [11, 1000]', 'device.joy.buttons'),
    ('rest: {left_trigger: 1.0', 'rest: {left_triger: 1.0', 'left_triger'),
    ('rest: {left_trigger: 1.0', 'rest: {left_trigger: 7.0', 'left_trigger'),
    ('rest: {left_trigger: 1.0', 'rest: {left_trigger: -1.0', 'override'),
    ('rest: {left_trigger: 1.0', 'rest: {left_stick_y: 1.0, left_trigger: 1.0', 'forward'),
    ('buses: [usb]', 'buses: [firewire]', 'evdev.buses'),
    ("ids: ['045e']", "ids: ['Microsoft']", 'evdev.ids'),
    ('  joy: {', '  joi: {', 'joi'),
])
def test_a_layout_whose_device_makes_no_sense_is_refused(tmp_path, old, new, word):
    text = config_file('joysticks', 'xbox').read_text()
    assert old in text
    path = tmp_path / 'mine.yaml'
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(IlwError, match=word):
        load_joystick(path)


def test_a_layout_that_says_nothing_of_its_device_has_just_the_numbers_it_needs(tmp_path, clutter):
    text = config_file('joysticks', 'xbox').read_text()
    before, after = text.index('device:'), text.index('deadzone:')
    path = tmp_path / 'mine.yaml'
    path.write_text(text[:before] + text[after:])
    mine = load_joystick(path)
    pad = Hand(Teleop(clutter, mine, timeout_ns=500 * MS))
    pad.send(([0.0] * 8, [0] * 11))
    assert pad.send(sent(mine, 'deadman', **MOVES)).active
    assert not pad.send(([0.0] * 8, [0] * 12)).active


@pytest.mark.parametrize('name', NAMES)
def test_keyboard_and_expert_send_what_a_pad_of_the_layout_sends(hand, name):
    keyboard, pad = Keyboard(KNOWN[name]), hand(name)
    pad.send(keyboard.state(0))
    keyboard.type('W', 0)
    assert pad.send(keyboard.state(1)).values.tolist() == [0.5, 0.0]
    stick, pad = Stick(config_file('joysticks', name)), hand(name)
    assert stick.rest() == KNOWN[name].at_rest()
    pad.send(stick.rest())
    sample = pad.send(stick.press({'forward': 0.5, 'turn': 1.0}))
    assert sample.active
    assert sample.values == pytest.approx([0.25, 1.5])
    assert not sample.override


def test_the_expert_begins_each_episode_with_idle_hands(clutter):
    stick = Stick(config_file('joysticks', 'xbox'))
    driver = StickDriver(clutter, stick, seed=0, imperfection=0.0)
    driver.on_map(0, [0] * 400, (20, 20), 0.1, (0.0, 0.0))
    driver.on_goal(0, (1.5, 1.5))
    pose = (0.5, 0.5, 0.0)

    def sent_at(ms):
        return [message == stick.rest() for message in driver.on_tick(ms * MS, pose)]

    assert sent_at(100) == [True, False]
    assert sent_at(200) == [False]
    driver.on_stop()
    assert sent_at(300) == []
    driver.on_reset()
    assert sent_at(400) == [True, False]
    assert sent_at(500) == [False]
    assert sent_at(900) == [True, False]  # it was kept waiting, and so was the teleop node


def test_a_message_that_waited_on_a_busy_machine_is_no_other_pad_in_simulation(clutter):
    own = KNOWN['xbox']
    for wall_ns, drives in ((400 * MS, True), (1100 * MS, False)):
        teleop = Teleop(clutter, own, timeout_ns=500 * MS, another_wall_ns=1000 * MS)
        pad = Hand(teleop)
        pad.send(sent(own))
        pad.send(sent(own, 'deadman', **MOVES))
        pad.now += 3000 * MS
        assert not teleop.on_tick(pad.now, wall_ns).active
        pad.now += 50 * MS
        sample = teleop.on_sample(pad.now, *sent(own, 'deadman', **MOVES), wall_silence_ns=wall_ns)
        assert sample.active is drives


def two_pads(teleop, own, foreign, *, first, times=40):
    """Let a pad at rest and another one take turns every 25 ms; yields what the other made."""
    for i in range(1, times):
        teleop.on_sample(i * 25 * MS, *own, number=i)
        yield teleop.on_sample(i * 25 * MS + MS, *foreign, number=first + i)


@pytest.mark.parametrize('first', [0, 50, 3000])
def test_a_pad_at_rest_does_not_vouch_for_another_on_the_same_topic(clutter, first):
    teleop, own = Teleop(clutter, KNOWN['xbox'], timeout_ns=500 * MS), KNOWN['xbox'].at_rest()
    foreign = [0.0, 1.0, -1.0, 0.0, 0.0, -1.0, 0.0, 0.0], [int(i == 4) for i in range(11)]
    samples = list(two_pads(teleop, own, foreign, first=first))
    assert not any(sample.active or sample.override for sample in samples)
    assert 'Two nodes' in teleop.why


def test_of_two_pads_the_emergency_stop_counts_and_the_one_that_stays_drives_again(clutter):
    teleop, own = Teleop(clutter, KNOWN['xbox'], timeout_ns=500 * MS), KNOWN['xbox']
    stop = sent(own, 'estop', 'arm', 'start')
    samples = list(two_pads(teleop, own.at_rest(), stop, first=3000))
    assert 'estop' in samples[-1].presses
    assert {press for sample in samples[3:] for press in sample.presses} == {'estop'}
    for i in range(40, 90):
        teleop.on_sample(i * 25 * MS, *own.at_rest(), number=i)
    assert teleop.why == ''
    assert teleop.on_sample(91 * 25 * MS, *sent(own, 'deadman'), number=91).active


def test_a_sender_that_was_restarted_must_be_let_go_of_first_and_then_drives(clutter):
    teleop, own = Teleop(clutter, KNOWN['xbox'], timeout_ns=500 * MS), KNOWN['xbox']
    teleop.on_sample(50 * MS, *own.at_rest(), number=500)
    assert teleop.on_sample(100 * MS, *sent(own, 'deadman'), number=501).active
    assert not teleop.on_sample(150 * MS, *sent(own, 'deadman'), number=1).active
    teleop.on_sample(200 * MS, *own.at_rest(), number=2)
    assert teleop.on_sample(250 * MS, *sent(own, 'deadman'), number=3).active


def test_messages_lost_on_a_busy_machine_are_no_other_pad(clutter):
    teleop, own = Teleop(clutter, KNOWN['xbox'], timeout_ns=500 * MS), KNOWN['xbox']
    teleop.on_sample(50 * MS, *own.at_rest(), number=1)
    assert teleop.on_sample(100 * MS, *sent(own, 'deadman'), number=2).active
    assert teleop.on_sample(400 * MS, *sent(own, 'deadman'), number=14).active


@pytest.mark.parametrize('at', [-0.1, 0.0, 0.1])
def test_a_finger_that_holds_a_trigger_half_way_while_driving_stops_nothing(hand, at):
    pad, own = hand('xbox'), KNOWN['xbox']
    pad.send(sent(own), times=15)
    axes, buttons = sent(own, 'deadman', **MOVES)
    axes[own.axes['right_trigger']] = at
    assert pad.send((axes, buttons), times=60).active
    assert pad.teleop.why == ''


def test_a_trigger_held_half_way_from_the_start_locks_the_pad_until_it_is_let_go_of(hand):
    pad, own = hand('xbox'), KNOWN['xbox']
    pad.send(sent(own))
    axes, buttons = sent(own)
    axes[own.axes['right_trigger']] = 0.05
    pad.send((axes, buttons), times=60)
    assert 'let go of it' in pad.teleop.why
    pad.send(sent(own), times=15)
    assert pad.send(sent(own, 'deadman', **MOVES)).active


def test_a_pad_whose_messages_come_only_on_changes_does_not_drive_and_is_told_why(hand):
    pad, own = hand('xbox'), KNOWN['xbox']
    for forward in (0.0, 0.0, 1.0, 0.0):
        pad.now += 1000 * MS
        pad.send(sent(own, *(['deadman'] if forward else []), forward=forward))
        pad.silence()
    pad.now += 1000 * MS
    assert not pad.send(sent(own, 'deadman', forward=1.0)).active
    assert 'autorepeat_rate of the joy node to 20' in pad.teleop.why
    pad.silence()
    assert pad.teleop.why == ''
    assert 'autorepeat_rate of the joy node to 20' in pad.teleop.hint


def test_a_pad_that_repeats_itself_is_not_blamed_for_silences(hand):
    pad, own = hand('xbox'), KNOWN['xbox']
    for _ in range(5):
        pad.send(sent(own), times=3)
        pad.send(sent(own, 'deadman'), times=3)
        assert pad.teleop.hint == ''
        pad.silence()
        assert pad.teleop.hint == 'the joystick is silent'
        pad.now += 1000 * MS


def test_a_node_that_says_its_pad_is_gone_beside_another_that_drives_changes_no_reason(clutter):
    teleop, own = Teleop(clutter, KNOWN['xbox'], timeout_ns=500 * MS), KNOWN['xbox'].at_rest()
    list(two_pads(teleop, own, ([], []), first=3000))
    assert 'Two nodes' in teleop.why
    teleop.on_sample(2000 * MS, *own, number=40)
    assert teleop.why == ''
