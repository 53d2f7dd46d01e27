"""Images of a data set stay where they lie: in the cache's files, counted through."""

import numpy as np
import pytest

from ilw_data.episode.dataset import build_dataset, joined, load_episode
from ilw_data.episode.frames import Frames, joined_frames, map_frames, write_frames


def images(count, begin=0):
    return (begin + np.arange(count * 12)).astype(np.uint8).reshape(count, 2, 2, 3)


@pytest.fixture
def parts():
    return [images(3), images(0), images(4, 100), images(1, 200)]


def test_rows_of_any_shape_are_those_of_the_parts_joined(parts):
    frames, whole = Frames(parts), np.concatenate(parts)
    assert len(frames) == 8 and frames.shape == whole.shape and frames.nbytes == whole.nbytes
    rows = np.array([[7, 0], [2, 3], [6, 5]])
    assert np.array_equal(frames.take(rows), whole[rows])
    assert np.array_equal(joined_frames([frames, frames]).take(rows + 8), whole[rows])


def test_a_file_is_mapped_and_read_when_it_is_touched(tmp_path):
    write_frames(tmp_path / 'a.npy', images(5))
    mapped = map_frames(tmp_path / 'a.npy')
    assert isinstance(mapped, np.memmap) and np.array_equal(mapped, images(5))
    assert np.array_equal(np.load(tmp_path / 'a.npy'), images(5))


def test_an_episode_without_pictures_has_an_empty_file(tmp_path):
    write_frames(tmp_path / 'a.npy', images(0))
    assert map_frames(tmp_path / 'a.npy').shape == (0, 2, 2, 3)


@pytest.mark.parametrize('content', [b'', b'other', 'cut', 'numbers'])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    path = tmp_path / 'a.npy'
    if content == 'numbers':
        np.save(path, np.zeros((2, 2, 2, 3)))
    else:
        write_frames(path, images(5))
        path.write_bytes(path.read_bytes()[:-9] if content == 'cut' else content)
    with pytest.raises(ValueError):
        map_frames(path)


def test_a_damaged_cache_is_made_anew(cameras, tmp_path):
    contract = cameras.camera_contract()
    cameras.steering_bag(tmp_path / 'one', contract, np.random.default_rng(0))
    first = load_episode(tmp_path / 'one', contract, cache=tmp_path / 'cache')
    wanted = np.array(first.images['camera'])
    file = next((tmp_path / 'cache').glob('*.npy'))
    file.write_bytes(file.read_bytes()[:-100])
    again = load_episode(tmp_path / 'one', contract, cache=tmp_path / 'cache')
    assert np.array_equal(again.images['camera'], wanted)


def test_a_data_set_holds_files_and_no_copies(cameras, tmp_path):
    contract = cameras.camera_contract()
    episodes = [load_episode(cameras.steering_bag(
        tmp_path / str(i), contract, np.random.default_rng(i)), contract, cache=tmp_path / 'c')
        for i in range(3)]
    data = build_dataset(episodes, contract, history=2)
    twice = joined([data, data])
    for each in (data, twice):
        assert all(isinstance(part, np.memmap) for part in each.images['camera'].parts)
    last = twice.images['camera'].take(twice.frames[-1])
    assert np.array_equal(last, episodes[-1].images['camera'][len(episodes[-1].actions) - 2:-1])
