"""Pictures that show nothing are not there, live; in a bag they are what was recorded."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ilw_core.align import Resampler
from ilw_core.contract.file import load_contract
from ilw_core.features.picture_watch import HANGS
from ilw_core.policy_loop import PolicyLoop
from ilw_core.storage.locate import config_file

TICK = 100_000_000
NOISE = np.random.default_rng(0).integers(60, 200, (84, 84, 3), dtype=np.uint8)


class Arm:
    """Both cameras of ``lift``, its joints and poses, a tick after the other."""

    def __init__(self, receiver, contract):
        self.receiver, self.contract, self.now = receiver, contract, 0
        self.at_m = 0.4

    def tick(self, front, *, moves_m=0.0, without=()):
        """Go on by a tick; ``front``: (H, W, 3) of the one camera, the other is fine."""
        self.now += TICK
        self.at_m += moves_m
        for source in self.contract.sources:
            if source.name not in without:
                self.receiver.push(source.name, self.now, self._message(source, front))

    def _message(self, source, front):
        if source.feature.is_image:
            pixels = front if source.name == 'front' else np.roll(NOISE, self.now // TICK, 0)
            return SimpleNamespace(format='png', data=cv2.imencode('.png', pixels)[1])
        if source.feature.kind == 'joints':
            names = source.feature.expected
            return SimpleNamespace(name=list(names), position=[0.1] * len(names))
        place = SimpleNamespace(x=self.at_m, y=0.0, z=0.1)
        turned = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)
        return SimpleNamespace(pose=SimpleNamespace(position=place, orientation=turned))

    def unseen(self):
        """Return which pictures are not there at the newest tick, and why."""
        return self.receiver.observe(self.now).unseen


@pytest.fixture
def contract():
    return load_contract(config_file('tasks', 'lift'))


@pytest.fixture
def arm(contract):
    return Arm(Resampler(contract), contract)


def test_a_picture_that_shows_something_is_there(arm):
    for shift in range(2 * HANGS):
        arm.tick(np.roll(NOISE, shift, axis=1), moves_m=0.01)
        assert arm.unseen() == {}


def test_a_black_picture_is_not_there_and_one_of_a_dark_scene_is(arm):
    arm.tick(np.zeros_like(NOISE))
    assert list(arm.unseen()) == ['front']
    assert 'black' in arm.unseen()['front']
    dark = np.zeros_like(NOISE)
    dark[:8] = 120
    arm.tick(dark)
    assert arm.unseen() == {}


def test_a_camera_hangs_once_its_picture_stayed_the_same_while_the_arm_moved(arm):
    for count in range(HANGS + 1):
        arm.tick(NOISE, moves_m=0.01)
        why = arm.unseen()
        assert bool(why) == (count == HANGS), count
    assert 'stay the same' in why['front']
    arm.tick(NOISE)
    assert arm.unseen(), 'the arm stands now, and the camera hangs as before'
    arm.tick(np.roll(NOISE, 1, axis=1))
    assert arm.unseen() == {}


def test_equal_pictures_of_an_arm_that_stands_are_no_fault(arm):
    for _ in range(3 * HANGS):
        arm.tick(NOISE, moves_m=0.001)
        assert arm.unseen() == {}


def test_a_slow_camera_that_ticks_see_twice_does_not_hang(arm):
    for count in range(4 * HANGS):
        arm.tick(np.roll(NOISE, count // 2, axis=1), moves_m=0.01,
                 without=() if count % 2 == 0 else ('front',))
        assert arm.unseen() == {}


def test_a_picture_of_another_size_is_not_there(arm):
    arm.tick(NOISE)
    assert arm.unseen() == {}
    arm.tick(cv2.resize(NOISE, (160, 120)))
    assert '84 x 84 and are 160 x 120' in arm.unseen()['front']
    arm.tick(NOISE)
    assert arm.unseen() == {}


def test_a_bag_holds_what_was_recorded(contract):
    arm = Arm(Resampler(contract, keep=None), contract)
    arm.tick(np.zeros_like(NOISE))
    seen = arm.receiver.observe(arm.now)
    assert seen.unseen == {}
    assert not seen.images['front'].any()


def test_a_loop_says_which_topic_the_next_tick_waits_for(contract):
    arm = Arm(PolicyLoop(contract), contract)
    assert arm.receiver.missing() == ''
    arm.tick(NOISE)
    for count in range(1, 5):
        arm.tick(NOISE, without=('front',))
        assert bool(arm.receiver.missing()) == (count > 3), count
    assert arm.receiver.missing() == 'missing: front (nothing for 0.4 s)'
    arm.tick(NOISE)
    assert arm.receiver.missing() == ''
