"""What the page is told, of messages as they may come."""

import json
import math
from types import SimpleNamespace

import cv2
import numpy as np

from ilw_core.contract.file import named_contract
from ilw_core.storage.locate import config_file
from ilw_teleop.joystick.layout import load_joystick
from ilw_web.view import news
from ilw_web.view.pictures import camera_frame, map_frame


def body_of(frame):
    """Return head and body of a picture, as the page takes them apart."""
    length = int.from_bytes(frame[:2], 'big')
    return json.loads(frame[2:2 + length]), frame[2 + length:]


def test_hello_tells_the_pad_and_the_limits():
    told = news.hello(named_contract('clutter'),
                      load_joystick(config_file('joysticks', 'xbox')))
    assert told['pad']['mapping']['deadman'] == 'lb'
    assert told['pad']['rest']['a'][2] == 1.0, 'a trigger rests at 1'
    assert [each['name'] for each in told['action']] == ['twist.linear.x', 'twist.angular.z']
    assert all(each['low'] < each['high'] for each in told['observation'])
    json.dumps(told, allow_nan=False)


def test_a_scan_is_told_in_centimetres_and_what_was_not_measured_is_0():
    scan = SimpleNamespace(angle_min=-1.0, angle_increment=0.5, range_min=0.1, range_max=8.0,
                           ranges=[1.234, math.inf, math.nan, -math.inf, 0.05, 9.0])
    assert news.scan(scan) == {'from': -1.0, 'step': 0.5, 'cm': [123, 0, 0, 0, 0, 0]}


def test_numbers_that_json_has_not_are_null():
    said = SimpleNamespace(source=200, armed=True, estopped=False, estop_why='', published=True,
                           requested=[math.nan, 1.0], applied=[math.inf, 0.5], reasons=['rate'])
    told = news.arbiter(said)
    assert told['requested'] == [None, 1.0] and told['applied'] == [None, 0.5]
    json.loads(news.text('arbiter', told))


def test_a_chunk_is_told_action_by_action():
    said = SimpleNamespace(active=True, period=0.1, names=['x', 'y'], values=[1, 2, 3, 4])
    assert news.chunk(said)['actions'] == [[1, 2], [3, 4]]


def test_a_map_is_a_picture_with_y_up():
    cells = [0, 100, -1, 0, 0, 0]  # the row at the smallest y first
    grid = SimpleNamespace(data=cells, info=SimpleNamespace(
        width=3, height=2, resolution=0.5,
        origin=SimpleNamespace(position=SimpleNamespace(x=1.0, y=2.0))))
    head, body = body_of(map_frame(grid))
    assert head == {'t': 'map', 'box': [1.0, 2.0, 2.5, 3.0]}
    pixels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels.tolist() == [[0, 0, 0], [0, 255, 128]]
    grid.info.width = 4
    assert map_frame(grid) is None


def image(width, height, encoding='rgb8', colour=(255, 0, 0)):
    """Return a plain image."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:] = colour
    return SimpleNamespace(width=width, height=height, step=3 * width, encoding=encoding,
                           data=pixels.tobytes())


def test_a_camera_s_picture_keeps_its_colours_and_gets_smaller():
    head, body = body_of(camera_frame('front', image(1300, 40)))
    assert head == {'t': 'camera', 'name': 'front'}
    pixels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape[1] <= 640 and pixels.shape[0] == 14
    blue, green, red = pixels.reshape(-1, 3).mean(axis=0)
    assert red > 240 and green < 15 and blue < 15


def test_what_is_no_picture_is_left_out():
    assert camera_frame('front', image(4, 4, '16UC1')) is None
    broken = image(4, 4)
    broken.data = broken.data[:-1]
    assert camera_frame('front', broken) is None
    assert camera_frame('front', SimpleNamespace(format='jpeg', data=b'no jpeg')) is None
    assert camera_frame('front', image(0, 0)) is None
