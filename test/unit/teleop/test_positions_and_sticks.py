"""Fields that hold their place: from where they are, moved on by sticks, held when in doubt."""

from dataclasses import replace

import numpy as np
import pytest

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_topic import CommandTopic
from ilw_core.contract.file import parse_contract
from ilw_core.contract.stick import Moved, StickSpec
from ilw_core.episode import Source
from ilw_core.errors import ContractError
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.joystick.layout import known_joysticks
from ilw_teleop.joystick.mapping import StickMapping
from ilw_teleop.joystick.teleop import Teleop

T0, P, MS = 1_000_000_000_000, 100_000_000, 1_000_000
LIFT = """
contract: lift
version: 1
rate_hz: 10
observation:
  base: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  commands:
    lift: {topic: lift, type: std_msgs/msg/Float64}
    base: {topic: cmd_vel, type: geometry_msgs/msg/Twist}
  fields:
    - {name: lift, command: lift, field: data, unit: m, min: -1.0, max: 1.0, max_rate: 0.5,
       on_stale: hold, measured: base.forward_mps}
    - {name: forward, command: base, field: linear.x, unit: m/s, min: -1.0, max: 1.0,
       max_rate: 5.0}
  on_stale: stop
teleop:
  mode_button: guide
  modes: {drive: {left_stick_y: forward}, lift: {left_stick_y: -lift, right_trigger: forward}}
  buttons: {lift: [+dpad_x, -dpad_x]}
"""
CONTRACT = parse_contract(LIFT)
XBOX = known_joysticks()['xbox']


def ask(arbiter, values, at_ns, source=Source.PERSON):
    request = Request(int(source), at_ns, True, CONTRACT.hash, CONTRACT.action.names, 0.1, 1,
                      values, '', 0, False)
    arbiter.offer(request, at_ns, at_ns)
    return arbiter.decide(at_ns, at_ns)


def test_nobody_drives_before_it_is_known_where_the_robot_is():
    arbiter = Arbiter(CONTRACT, armed=True)
    for source in (Source.PERSON, Source.POLICY):
        decision = ask(arbiter, [0.5, 1.0], T0, source)
        assert decision.source is Source.NONE and decision.reasons == ('unmeasured',)
        assert np.array_equal(decision.applied, [np.nan, 0.0], equal_nan=True)
    arbiter.notice_positions(np.array([0.3, np.nan]), T0)
    decision = ask(arbiter, [0.5, 1.0], T0 + P)
    assert decision.source is Source.PERSON
    assert decision.applied == pytest.approx([0.35, 0.5], abs=1e-6)  # from there, at its rate


@pytest.mark.parametrize('late_ns', [2 * P + 1, 10 * P, -1])
def test_an_old_position_does_not_count(late_ns):
    arbiter = Arbiter(CONTRACT)
    arbiter.notice_positions(np.array([0.3, np.nan]), T0 - late_ns)
    assert ask(arbiter, [0.5, 1.0], T0).reasons == ('unmeasured',)


def test_a_place_is_held_when_nobody_drives_and_speeds_go_to_zero():
    arbiter = Arbiter(CONTRACT)
    arbiter.notice_positions(np.array([0.0, np.nan]), T0)
    for tick in range(5):
        ask(arbiter, [1.0, 0.4], T0 + tick * P)
    held = arbiter.decide(T0 + 20 * P, T0 + 20 * P)
    assert held.source is Source.NONE
    assert held.applied == pytest.approx([0.25, 0.0], abs=1e-6)
    later = arbiter.decide(T0 + 40 * P, T0 + 40 * P)
    assert later.applied.tolist() == held.applied.tolist() and later.reasons == ('silent',)


def test_after_an_emergency_stop_it_goes_on_from_where_it_is():
    arbiter = Arbiter(CONTRACT)
    arbiter.notice_positions(np.array([0.0, np.nan]), T0)
    ask(arbiter, [1.0, 0.0], T0)
    arbiter.estop()
    arbiter.decide(T0 + P, T0 + P)
    arbiter.notice_positions(np.array([-0.5, np.nan]), T0 + 2 * P)  # it sank
    arbiter.reset()
    assert ask(arbiter, [-0.5, 0.0], T0 + 2 * P).applied[0] == pytest.approx(-0.5)


def test_a_position_beyond_the_range_is_brought_into_it():
    arbiter = Arbiter(CONTRACT)
    arbiter.notice_positions(np.array([1.2, np.nan]), T0)
    assert ask(arbiter, [1.0, 0.0], T0).applied[0] == 1.0


def mapping(**more):
    return StickMapping(CONTRACT.action, CONTRACT.stick, deadzone=0.0, **more)


def test_a_full_stick_moves_a_position_at_its_highest_rate():
    stick, applied = mapping(), np.array([0.2, 0.0])
    stick.next_mode()
    first = stick.action({'left_stick_y': -1.0}, turbo=False, now_ns=T0, applied=applied)
    assert first[0] == 0.2  # the first message says where, none how long
    for tick in range(1, 11):
        wanted = stick.action({'left_stick_y': -1.0}, turbo=False, now_ns=T0 + tick * P // 2,
                              applied=applied)
        applied = wanted
    assert wanted == pytest.approx([0.2 + 0.5 * 0.5, 0.0])
    stick.release()
    anew = stick.action({}, turbo=False, now_ns=T0 + 10 * P, applied=np.array([-0.6, 0.0]))
    assert anew[0] == -0.6


def test_a_wish_does_not_run_away_from_a_robot_that_is_held():
    stick, applied = mapping(), np.array([0.0, 0.0])
    for tick in range(100):
        wanted = stick.action({'+dpad_x': 1.0}, turbo=False, now_ns=T0 + tick * P, applied=applied)
    assert wanted[0] == pytest.approx(0.5 * 0.3)
    back = stick.action({'-dpad_x': 1.0}, turbo=False, now_ns=T0 + 100 * P, applied=applied)
    assert back[0] == pytest.approx(0.5 * 0.2)  # at once


def test_the_ratio_slows_positions_and_pauses_are_no_jumps():
    stick, applied = mapping(normal_ratio=0.5), np.array([0.0, 0.0])
    stick.action({}, turbo=False, now_ns=T0, applied=applied)
    slow = stick.action({'+dpad_x': 1.0}, turbo=False, now_ns=T0 + 100 * P, applied=applied)
    assert slow[0] == pytest.approx(0.5 * 0.5 * 0.1)
    unknown = mapping().action({'+dpad_x': 1.0}, turbo=False, now_ns=T0)
    assert np.isnan(unknown[0]) and unknown[1] == 0.0


class Hand:
    """Somebody at an Xbox pad; the deadman is held after the first message."""

    def __init__(self, contract=CONTRACT, layout=XBOX):
        self.teleop = Teleop(contract, layout, timeout_ns=500 * MS)
        self.now = T0
        self.teleop.notice_applied([0.1, 0.0])
        self.move()

    def move(self, *down, **moved):
        axes, buttons = XBOX.at_rest()
        for name, value in moved.items():
            axes[XBOX.axes[name]] = value
        for name in down:
            buttons[XBOX.buttons[name]] = 1
        self.now += 50 * MS
        return self.teleop.on_sample(self.now, axes, buttons)


def test_a_mode_is_switched_at_the_press_and_sticks_move_its_fields():
    hand = Hand()
    assert hand.teleop.mode == 'drive'
    assert hand.move('lb', left_stick_y=1.0).values.tolist() == [0.1, 1.0]
    hand.move('lb', 'guide')
    hand.move('lb', 'guide')
    assert hand.teleop.mode == 'lift'
    low = hand.move('lb', left_stick_y=1.0).values
    assert low == pytest.approx([0.1 - 0.5 * 0.05, 0.0])
    assert hand.move('lb', right_trigger=-1.0).values[1] == 1.0
    half = hand.move('lb', right_trigger=0.0).values[1]
    assert half == pytest.approx((0.5 - 0.1) / 0.9)
    hand.move('lb', 'guide')
    assert hand.teleop.mode == 'drive'


def test_a_button_pair_moves_a_field_up_and_down_in_every_mode():
    hand = Hand()
    hand.move('lb')
    up = hand.move('lb', dpad_x=1.0).values[0]
    assert up == pytest.approx(0.1 + 0.5 * 0.05)
    assert hand.move('lb', dpad_x=-1.0).values[0] == pytest.approx(0.1)
    assert hand.move('lb', dpad_x=0.3).values[0] == pytest.approx(0.1)


def test_letting_go_and_taking_hold_begins_where_the_robot_is():
    hand = Hand()
    hand.move('lb', dpad_x=1.0)
    hand.move()
    hand.teleop.notice_applied([-0.4, 0.0])
    assert hand.move('lb', dpad_x=1.0).values[0] == -0.4


@pytest.mark.parametrize(('old', 'new', 'said'), [
    ('mode_button: guide', 'mode_button: touchpad', 'has not. It has'),
    ('left_stick_y: forward', 'dpad_y: forward', 'Choose another'),
    ('[+dpad_x, -dpad_x]', '[+dpad_y, +dpad_x]', 'is reset'),
    ('[+dpad_x, -dpad_x]', '[a, +dpad_x]', 'is save_success')])
def test_sticks_that_the_pad_has_not_or_needs_are_named(old, new, said):
    assert old in LIFT
    contract = parse_contract(LIFT.replace(old, new))
    with pytest.raises(ContractError, match=said):
        Teleop(contract, XBOX, timeout_ns=500 * MS)
    # A pad that came by itself is told so, and only its emergency stop works.
    teleop = Teleop(contract, None, timeout_ns=500 * MS, known={'xbox': XBOX})
    axes, buttons = XBOX.at_rest()
    teleop.on_sample(T0, axes, buttons)
    buttons[XBOX.buttons['lb']] = buttons[XBOX.buttons['x']] = 1
    sample = teleop.on_sample(T0 + 50 * MS, axes, buttons)
    assert not sample.active and sample.presses == ('estop',) and said[:6] in teleop.why


def test_a_trigger_is_free_where_no_lidar_slows_anybody():
    contract = parse_contract(LIFT.replace('left_stick_y: forward', 'left_trigger: forward'))
    assert 'override' in contract.stick.idle
    Teleop(contract, XBOX, timeout_ns=500 * MS)


def test_the_sticks_of_a_base_are_as_they_were():
    action = ActionSpec((CommandTopic('t', 'geometry_msgs/msg/Twist', (0, 1), ('angular.z',
                                                                              'linear.x')),),
                        ('angular.z', 'linear.x'), ('rad/s', 'm/s'), -np.ones(2), np.ones(2),
                        *[np.ones(2)] * 4, stop=np.zeros(2), start=np.full(2, np.nan),
                        measured=('', ''))
    stick = StickSpec({'': {'forward': Moved(1), 'turn': Moved(0)}})
    moved = StickMapping(action, stick, deadzone=0.1).action({'forward': 1.0, 'turn': -0.55},
                                                             turbo=False)
    assert moved == pytest.approx([-0.5, 1.0])
    assert replace(CONTRACT, stick=stick).hash == CONTRACT.hash
