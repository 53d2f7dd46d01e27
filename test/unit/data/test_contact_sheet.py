"""``episodes show --sheet``: a row of pictures for each camera of any recording."""

import cv2
import numpy as np

from ilw_data.bag.reader import Bag
from ilw_data.commands.episodes import episodes
from ilw_data.shown.contact_sheet import write_contact_sheet


def tiles(sheet, row=0, rows=1):
    """Return the mean colour of each field of a row, red first."""
    height = len(sheet) // rows
    pixels = sheet[row * height:(row + 1) * height]
    return [pixels[60:100, i * 132 + 20:i * 132 + 100].mean(axis=(0, 1))[::-1].round().tolist()
            for i in range(10)]


def bag_of(cameras, folder, change=lambda i, message: message, count=19):
    contract = cameras.camera_contract()
    pictures = []
    for i in range(count):
        pixels = np.full((48, 64, 3), (10, 20, 10 * i), np.uint8)  # blue first
        pictures.append(change(i, cameras.compressed(
            cameras.BEGIN_NS + i * cameras.PERIOD_NS, pixels)))
    return Bag(cameras.write_bag(folder / 'one', pictures, contract,
                                 meta={'outcome': 'success'}))


def test_ten_pictures_evenly_through_time_in_their_colours(cameras, tmp_path):
    assert write_contact_sheet(bag_of(cameras, tmp_path), tmp_path / 'a.png') == ['image']
    found = tiles(cv2.imread(str(tmp_path / 'a.png')))
    assert found == [[20.0 * i, 20.0, 10.0] for i in range(10)]


def test_a_picture_that_cannot_be_read_is_a_gray_field(cameras, tmp_path):
    def damage(i, message):
        if i == 4:
            message.data = message.data[:40]
        return message

    write_contact_sheet(bag_of(cameras, tmp_path, damage), tmp_path / 'a.png')
    assert tiles(cv2.imread(str(tmp_path / 'a.png')))[2] == [200.0, 200.0, 200.0]


def test_the_command_says_where_the_sheet_is_and_refuses_what_has_no_pictures(
        cameras, tmp_path, run):
    bag_of(cameras, tmp_path)
    code, said, _ = run(episodes, 'show', tmp_path / 'one', '--sheet', tmp_path / 'a.png')
    assert code == 0 and f'contact sheet: {tmp_path / "a.png"}' in said
    plain = cameras.write_bag(tmp_path / 'two', [None] * 12, cameras.camera_contract(),
                              meta={'outcome': 'success'})
    code, _, error = run(episodes, 'show', plain, '--sheet', tmp_path / 'b.png')
    assert code == 2 and 'holds no pictures' in error and not (tmp_path / 'b.png').exists()
