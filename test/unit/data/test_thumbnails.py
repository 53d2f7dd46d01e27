"""Each episode gets a small picture, kept beside nothing sacred; what has none says why, once."""

import json
import os

import cv2
import numpy as np
import pytest

from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes, read_episode
from ilw_data.bag.reader import Bag
from ilw_data.commands.episodes import episodes
from ilw_data.shown import thumbnail
from ilw_data.shown.thumbnail import thumbnail_of, write_thumbnail

INK, WAY, GOAL = (40, 40, 40), (196, 98, 11), (60, 122, 21)


def content(folder):
    return {file: (file.read_bytes(), os.stat(file).st_mtime_ns) for file in folder.rglob('*')
            if file.is_file()}


def where(picture, colour):
    """Return rows and columns of the pixels of a colour, their means; NaN: there are none."""
    found = np.argwhere((picture == colour).all(axis=2))
    return found.mean(axis=0) if len(found) else np.full(2, np.nan)


def drawn(bags, folder, **words):
    write_thumbnail(Bag(bags.write(folder / 'one', **words)), folder / 'a.png')
    return cv2.imread(str(folder / 'a.png'))


def test_a_base_is_shown_the_way_it_went_and_its_goal(bags, tmp_path):
    # 2 m to the east, then 1 m to the north; the goal is 1 m further north.
    picture = drawn(bags, tmp_path, ticks=31, goal=(2.0, 2.0), place=lambda i: (
        min(0.1 * i, 2.0), max(0.0, 0.1 * (i - 20)), 0.0))
    height, width = picture.shape[:2]
    assert (picture == 255).all(axis=2).mean() > 0.8
    rows, columns = np.nonzero((picture == WAY).all(axis=2))
    per_m = (height - 2 * 14) / 2.0
    assert abs(np.ptp(columns) - 2.0 * per_m) < 8 and abs(np.ptp(rows) - 1.0 * per_m) < 8
    goal, way = where(picture, GOAL), where(picture, WAY)
    assert goal[0] < way[0] - per_m / 2 and goal[1] > way[1], 'north is up, east is right'
    end = where(picture[:, width // 2:], INK)  # a dot has more of it than a ring
    assert abs(end[0] - (height - 14 - per_m)) < 4


@pytest.mark.parametrize(('goal', 'frame'), [(None, 'odom'), ((2.0, 2.0), 'map')])
def test_a_goal_that_is_not_there_or_in_another_frame_is_not_drawn(bags, tmp_path, goal, frame):
    picture = drawn(bags, tmp_path, goal=goal, goal_frame=frame)
    assert np.isnan(where(picture, GOAL)).all() and not np.isnan(where(picture, WAY)).any()


def test_a_robot_that_stands_is_a_dot(bags, tmp_path):
    picture = drawn(bags, tmp_path, place=lambda i: (5.0, -3.0, 0.0))
    height, width = picture.shape[:2]
    picture[:, :40] = 255  # the length
    ink = np.argwhere((picture == INK).all(axis=2))
    assert np.abs(ink - (height / 2, width / 2)).max() < 6


@pytest.mark.parametrize('wild', [float('nan'), float('inf'), 1e300])
def test_places_that_are_none_are_left_out(bags, tmp_path, wild):
    plain, spoilt = (drawn(bags, tmp_path / name, place=lambda i, at=at: (
        at if i == 7 else 0.1 * i, 1.0, 0.0)) for name, at in (('plain', 0.7), ('spoilt', wild)))
    seen = [np.argwhere((each == WAY).all(axis=2)) for each in (plain, spoilt)]
    assert np.array_equal(np.ptp(seen[0], axis=0), np.ptp(seen[1], axis=0))
    assert (plain != spoilt).mean() < 0.01


def test_a_camera_shows_its_first_and_its_last_picture(cameras, tmp_path):
    pictures = [cameras.compressed(cameras.BEGIN_NS + i * cameras.PERIOD_NS, np.full(
        (48, 64, 3), (10, 20, 10 * i), np.uint8)) for i in range(19)]
    bag = cameras.write_bag(tmp_path / 'one', pictures, cameras.camera_contract(),
                            meta={'outcome': 'success'})
    write_thumbnail(Bag(bag), tmp_path / 'a.png')
    picture = cv2.imread(str(tmp_path / 'a.png'))
    tiles = [picture[60:100, i * 132 + 20:i * 132 + 100].mean(axis=(0, 1)) for i in range(2)]
    assert [tile[::-1].round().tolist() for tile in tiles] == [[0, 20, 10], [180, 20, 10]]
    assert picture.shape[1] == 2 * 132


def test_a_recording_without_either_says_what_it_needs(bags, tmp_path):
    bag = Bag(bags.write(tmp_path / 'one', leave_out=range(20)))
    with pytest.raises(EpisodeError, match='neither pictures nor a way'):
        write_thumbnail(bag, tmp_path / 'a.png')


def test_it_is_made_once_and_nothing_is_written_into_the_recording(bags, tmp_path, monkeypatch):
    folder = bags.write(tmp_path / 'demos' / 'one', meta={'outcome': 'success'})
    before, cache = content(folder), tmp_path / 'cache'
    assert thumbnail_of(read_episode(folder), cache, make=False) is None and not cache.exists()
    first = thumbnail_of(read_episode(folder), cache)
    assert content(folder) == before and list(cache.iterdir()) == [cache / first.file]
    monkeypatch.setattr(thumbnail, 'write_thumbnail', lambda *_: pytest.fail('made again'))
    assert thumbnail_of(read_episode(folder), cache, make=False) == first


def test_one_that_was_recorded_anew_is_drawn_anew(bags, tmp_path):
    one = thumbnail_of(read_episode(bags.write(tmp_path / 'one')), tmp_path / 'cache')
    two = thumbnail_of(read_episode(bags.write(tmp_path / 'two', ticks=30)), tmp_path / 'cache')
    assert one.file != two.file


@pytest.mark.parametrize('damage', [lambda data: b'', lambda data: b'nonsense' * 40,
                                    lambda data: data[:len(data) // 2]])
def test_a_damaged_bag_has_none_and_one_line_why_which_is_remembered(
        bags, tmp_path, monkeypatch, damage):
    folder = bags.write(tmp_path / 'one', meta={'outcome': 'success'})
    (bag,) = folder.glob('*.mcap')
    bag.write_bytes(damage(bag.read_bytes()))
    found = thumbnail_of(read_episode(folder), tmp_path / 'cache')
    assert not found.file and found.why and '\n' not in found.why
    assert str(tmp_path) not in found.why, 'its folder is beside it'
    monkeypatch.setattr(thumbnail, 'Bag', lambda *_: pytest.fail('read again'))
    assert thumbnail_of(read_episode(folder), tmp_path / 'cache') == found


def test_one_that_is_gone_or_too_large_says_so(bags, tmp_path, monkeypatch):
    gone = thumbnail_of(EpisodeFolder(tmp_path / 'nothing', {}), tmp_path / 'cache')
    assert 'nothing there' in gone.why and not (tmp_path / 'cache').exists()
    monkeypatch.setattr(thumbnail, 'MOST_BAG_BYTES', 100)
    large = thumbnail_of(read_episode(bags.write(tmp_path / 'one')), tmp_path / 'cache')
    assert 'too much to read' in large.why


def test_a_disk_that_is_full_is_no_fault_of_the_recording(bags, tmp_path, monkeypatch):
    folder, cache = bags.write(tmp_path / 'one'), tmp_path / 'cache'

    def full(*_):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(thumbnail, 'write_file', full)
        assert 'No space' in thumbnail_of(read_episode(folder), cache).why
    assert thumbnail_of(read_episode(folder), cache).file


def test_the_command_begins_with_the_newest_and_says_what_is_left(bags, tmp_path, run):
    for name in ('1', '2', '3'):
        bags.write(tmp_path / 'demos' / name, ticks=20 + int(name), meta={'outcome': 'success'})
    (tmp_path / 'demos' / '3' / '3.mcap').write_bytes(b'damaged')
    words = (tmp_path / 'demos', '--out', tmp_path / 'cache', '--json')
    code, said, _ = run(episodes, 'thumbnails', *words, '--seconds', 0)
    assert (code, json.loads(said)) == (0, {'thumbnails': {}, 'left': 3})
    code, said, _ = run(episodes, 'thumbnails', *words)
    found = json.loads(said)
    assert list(found['thumbnails']) == [str(e.path) for e in find_episodes(words[0])][::-1]
    assert [bool(each['file']) for each in found['thumbnails'].values()] == [False, True, True]
    assert found['left'] == 0
    code, said, _ = run(episodes, 'thumbnails', *words[:-1])
    assert code == 0 and '2 of 3 episodes have a thumbnail; 0 are left' in said
    assert '/3: none: ' in said
