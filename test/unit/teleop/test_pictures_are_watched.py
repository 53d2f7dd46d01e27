"""The recorder's gate looks at pictures four times a second: size, black, exposure."""

import numpy as np
import pytest
from test_a_camera_is_watched import Recording

from ilw_core.features.glance import compressed_glance, glance_at, series_problems


def fresh(cameras, count=40, change=lambda i, pixels: pixels):
    rng = np.random.default_rng(0)
    return [change(i, cameras.bright_half(rng, True)) for i in range(count)]


def reasons(cameras, pictures):
    return Recording(cameras, cameras.camera_contract()).drive(pictures)['reasons']


def test_good_pictures_give_no_reason(cameras):
    assert reasons(cameras, fresh(cameras)) == []


@pytest.mark.parametrize(('change', 'told'), [
    (lambda i, p: p * np.uint8(i < 20), 'of 14 pictures are black'),
    (lambda i, p: p if i < 20 else p[:24, :32].copy(), 'must be of one size. Got 64 x 48 and'),
    (lambda i, p: (p // 4 if (i // 8) % 2 else p), 'its brightness jumps')])
def test_what_is_wrong_with_pictures_makes_a_take_suspect(cameras, change, told):
    found = reasons(cameras, fresh(cameras, change=change))
    assert len([each for each in found if each.startswith('image: ') and told in each]) == 1, found


def test_a_new_take_begins_with_nothing_seen(cameras):
    recording = Recording(cameras, cameras.camera_contract())
    recording.drive(fresh(cameras, change=lambda i, p: p * np.uint8(0)))
    recording.gate.begin(recording.now)
    assert recording.drive(fresh(cameras))['reasons'] == []


def test_a_glance_says_size_and_brightness_of_every_kind_of_message(cameras):
    pixels = np.full((48, 64, 3), 51, np.uint8)
    for message in (cameras.compressed(1, pixels), cameras.compressed(1, pixels, '.jpg', 'jpeg'),
                    cameras.raw(1, pixels, 'rgb8', padding=5), cameras.raw(1, pixels[..., 0],
                                                                           'mono8')):
        glance = glance_at(message)
        assert glance.size == (64, 48) and not glance.black
        assert glance.brightness == pytest.approx(0.2, abs=0.01)
        assert glance.spread == pytest.approx(0.0, abs=0.01)


def test_a_large_picture_is_glanced_at_a_quarter_and_says_its_whole_size(cameras):
    glance = glance_at(cameras.compressed(1, np.full((480, 640, 3), 128, np.uint8), '.jpg'))
    assert glance.size == (640, 480) and glance.brightness == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize('data', [b'', b'no picture', b'\xff\xd8\xff\xe0cut'])
def test_what_is_no_picture_is_not_read_and_counted(data):
    assert compressed_glance(np.frombuffer(data, np.uint8)) is None
    assert series_problems([None] * 9)[0][0] == 'unread'


def test_one_black_picture_at_the_start_is_nothing_to_speak_of(cameras):
    black = glance_at(cameras.compressed(1, np.zeros((48, 64, 3), np.uint8)))
    bright = glance_at(cameras.compressed(1, np.full((48, 64, 3), 99, np.uint8)))
    assert black.black and not bright.black
    assert series_problems([black, *[bright] * 20]) == []
