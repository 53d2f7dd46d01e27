"""Saved maps: Nav2's meaning of shades, every kind of picture, and what is said of bad ones."""

import re
import time

import cv2
import numpy as np
import pytest

from ilw_core.errors import ContractError
from ilw_core.storage.map_file import FREE, MAX_CELLS, OCCUPIED, UNKNOWN, load_map

SHADES = np.array([[0, 100, 215], [230, 254, 0]], np.uint8)   # top row first, as in the picture


def pgm(shades=SHADES, largest=255):
    height, width = shades.shape
    return f'P5\n# saved\n{width} {height}\n{largest}\n'.encode() + shades.tobytes()


def write(folder, data=None, name='map.pgm', **keys):
    values = {'image': name, 'mode': 'trinary', 'resolution': 0.05, 'origin': '[-1.0, 2.0, 0.0]',
              'negate': 0, 'occupied_thresh': 0.65, 'free_thresh': 0.25} | keys
    if data is not None:
        (folder / name).write_bytes(data)
    path = folder / 'map.yaml'
    path.write_text(''.join(f'{k}: {v}\n' for k, v in values.items() if v is not None))
    return path


def test_a_map_from_map_saver_is_read_as_nav2_does(tmp_path):
    found = load_map(write(tmp_path, pgm()))
    assert found.cells.tolist() == [[FREE, FREE, OCCUPIED], [OCCUPIED, UNKNOWN, FREE]]
    assert (found.resolution_m, found.origin) == (0.05, (-1.0, 2.0, 0.0))


@pytest.mark.parametrize(('written', 'origin'), [
    ('[-4e-05, -2.0, 0]', (-4e-5, -2.0, 0.0)), ('[1e+04, -.16, 0.]', (1e4, -0.16, 0.0)),
    ('[-1.5e2, .5, 1E-3]', (-150.0, 0.5, 0.001)), ('[+3, 2e1, -0]', (3.0, 20.0, 0.0))])
def test_numbers_as_savers_write_them_are_numbers(tmp_path, written, origin):
    found = load_map(write(tmp_path, pgm(), origin=written, resolution='5e-02', free_thresh='.25'))
    assert (found.resolution_m, found.origin) == (0.05, origin)


def test_shades_between_the_thresholds_are_unknown(tmp_path):
    grey = np.array([[88, 89, 90, 191, 192]], np.uint8)   # 0.655, 0.651, 0.647, 0.251, 0.247
    assert load_map(write(tmp_path, pgm(grey))).cells.tolist() == [
        [OCCUPIED, OCCUPIED, UNKNOWN, UNKNOWN, FREE]]


@pytest.mark.parametrize('free_thresh', [0.196, 0.25])
def test_what_a_saver_did_not_know_stays_unknown(tmp_path, free_thresh):
    saved = np.array([[0, 205, 254]], np.uint8)
    assert load_map(write(tmp_path, pgm(saved), free_thresh=free_thresh)).cells.tolist() == [
        [OCCUPIED, UNKNOWN, FREE]]


def test_negate_swaps_light_and_dark(tmp_path):
    found = load_map(write(tmp_path, pgm(255 - SHADES), negate=1))
    assert np.array_equal(found.cells, load_map(write(tmp_path, pgm())).cells)


def test_raw_shades_are_occupancies(tmp_path):
    raw = np.array([[0, 24, 50, 66, 100, 101, 255]], np.uint8)
    assert load_map(write(tmp_path, pgm(raw), mode='raw')).cells.tolist() == [
        [FREE, FREE, UNKNOWN, OCCUPIED, OCCUPIED, UNKNOWN, UNKNOWN]]


@pytest.mark.parametrize('kind', ['P2', '16 bit', 'png', 'colour png', 'other largest value'])
def test_every_kind_of_picture_gives_the_same_map(tmp_path, kind):
    plain = load_map(write(tmp_path, pgm())).cells
    name = 'other.png' if 'png' in kind else 'other.pgm'
    data = {
        'P2': f'P2 3 2 # by hand\n255\n{" ".join(str(v) for v in SHADES.ravel())}\n'.encode(),
        '16 bit': pgm((SHADES.astype(np.uint16) * 257).astype('>u2'), 65535),
        'other largest value': pgm(np.round(SHADES / 255.0 * 100).astype(np.uint8), 100),
        'png': cv2.imencode('.png', SHADES)[1].tobytes(),
        'colour png': cv2.imencode('.png', np.repeat(SHADES[..., None], 3, 2))[1].tobytes(),
    }[kind]
    assert np.array_equal(load_map(write(tmp_path, data, name)).cells, plain)


def test_transparent_pixels_are_unknown(tmp_path):
    pixels = np.full((1, 2, 4), 255, np.uint8)
    pixels[0, 1, 3] = 0
    data = cv2.imencode('.png', pixels)[1].tobytes()
    assert load_map(write(tmp_path, data, 'map.png', mode='scale')).cells.tolist() == [
        [FREE, UNKNOWN]]


def test_a_turned_map_lies_in_its_frame(tmp_path):
    found = load_map(write(tmp_path, pgm(), origin='[1.0, 2.0, 1.5707963267948966]'))
    x, y = found.to_world(np.array([0.125]), np.array([0.025]))   # row 0, column 2
    assert (x[0], y[0]) == (pytest.approx(0.975), pytest.approx(2.125))
    row, column = found.to_cells(x, y)
    assert (row[0], column[0]) == (0, 2)


HUGE = f'P5\n{MAX_CELLS + 1} 1\n255\n'.encode()
BAD = {
    'no picture': ({'data': None}, r'image must be a file beside it.*Copy the picture'),
    'zero resolution': ({'resolution': 0.0}, r'resolution must be.*Got 0'),
    'wrong mode': ({'mode': 'fancy'}, r'mode must be one of trinary, scale, raw. Got .fancy'),
    'negate': ({'negate': 2}, r'negate must be 0 or 1'),
    'origin': ({'origin': '[0, 0]'}, r'origin must be a list of 3 numbers'),
    'thresholds': ({'free_thresh': 0.9}, r'free_thresh must be at most occupied_thresh'),
    'a jpeg': ({'data': b'\xff\xd8\xff\xe0....'}, r'must be a PGM \(P2, P5\) or PNG'),
    'huge': ({'data': HUGE}, r'must have 1 to \d+ pixels.*Crop it'),
    'huge png': ({'data': b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR' + b'\x7f\0\0\0' * 2, 'name': 'm.png'},
                 r'must have 1 to \d+ pixels'),
    'cut short': ({'data': pgm()[:-1]}, r'is cut short: 3 x 2 pixels'),
    'cut short P2': ({'data': b'P2 2 2 255 0 0 0'}, r'is cut short: 2 x 2 pixels'),
    'words in it': ({'data': b'P2 2 1 255 a b'}, r'is cut short'),
    'no numbers': ({'data': b'P5 and so on'}, r'is a broken PGM'),
    'broken png': ({'data': b'\x89PNG\r\n\x1a\nnothing of the kind', 'name': 'm.png'},
                   r'is a broken PNG'),
}


@pytest.mark.parametrize('case', BAD)
def test_a_bad_map_is_refused_with_what_to_do(tmp_path, case):
    changes, words = BAD[case]
    keys = {'data': pgm(), 'name': 'map.pgm'} | changes
    with pytest.raises(ContractError, match=words) as error:
        load_map(write(tmp_path, keys.pop('data'), keys.pop('name'), **keys))
    assert str(tmp_path) in str(error.value)


def test_the_size_is_checked_before_memory_is_taken(tmp_path):
    path = write(tmp_path, b'P5\n999999999 999999999\n255\n')
    with pytest.raises(ContractError, match='999999999 x 999999999'):
        load_map(path)


def test_the_picture_in_place_of_its_description_is_refused(tmp_path):
    write(tmp_path, pgm(np.zeros((400, 400), np.uint8)))
    with pytest.raises(ContractError, match=re.escape('map.pgm')):
        load_map(tmp_path / 'map.pgm')


@pytest.mark.parametrize('header', [
    b'P2\n2' + b' ' * 4000, b'P5' + b' ' * 3000 + b'\0', b'P5\n3 2' + b'\t\n' * 1500 + b'x',
    b'P5\n' + b'# \n' * 1000 + b'x', b'P2\n' + b' # a\n' * 700 + b'3' + b' ' * 400 + b'-',
    b'P5 1 ' + b'9' * 4000], ids=['blanks', 'NUL', 'tabs', 'comments', 'both', 'digits'])
def test_a_broken_header_is_refused_at_once_however_many_blanks_it_has(tmp_path, header):
    began = time.process_time()
    with pytest.raises(ContractError, match='broken PGM'):
        load_map(write(tmp_path, header))
    assert time.process_time() - began < 1.0


def test_blanks_and_comments_in_a_header_are_left_aside(tmp_path):
    picture = b'P5#a\n' + b' ' * 300 + b'\n# b\n#\n3\t\t# c\n 2\n# d\n\n255\n' + SHADES.tobytes()
    assert np.array_equal(load_map(write(tmp_path, picture)).cells,
                          load_map(write(tmp_path, pgm())).cells)
