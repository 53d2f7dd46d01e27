"""The film of the demonstration shows every driver move, and where each came to."""

from itertools import pairwise

import numpy as np
from PIL import Image
import pytest

from ilw_bringup.film import FRAMES, save_drives
from ilw_bringup.session import Driven, Map


def drive(seed, end, time_s, *, success=True, with_map=True):
    world = Map(np.zeros((40, 50), np.int8), 0.1, (0.0, 0.0)) if with_map else None
    return Driven(seed, success, 'goal', time_s, 1.0, np.linspace((0.5, 0.5), end, 20), world,
                  (3.0, 2.0))


def frames_of(path):
    with Image.open(path) as film:
        for number in range(film.n_frames):
            film.seek(number)
            yield np.asarray(film.convert('RGB')).astype(int)


@pytest.mark.parametrize('with_map', [True, False])
def test_the_film_moves_until_the_last_driver_has_come(tmp_path, with_map):
    driven = {'expert': [drive(3, (3.0, 2.0), 4.0, with_map=with_map)],
              'policy': [drive(3, (1.0, 3.0), 8.0, success=False, with_map=with_map)]}
    save_drives(tmp_path / 'demo.gif', 'clutter', driven, 0.4)
    frames = list(frames_of(tmp_path / 'demo.gif'))
    assert FRAMES // 2 < len(frames) <= FRAMES
    changes = [np.abs(b - a).max() for a, b in pairwise(frames)]
    assert min(changes) > 50
    assert (tmp_path / 'demo.gif').stat().st_size < 400_000


def test_an_episode_that_never_moved_makes_no_trouble(tmp_path):
    still = Driven(3, False, 'timeout', 0.0, 1.0, np.zeros((0, 2)))
    save_drives(tmp_path / 'demo.gif', 'clutter',
                {'expert': [drive(3, (3.0, 2.0), 4.0)], 'idle': [still]}, 0.4)
    assert len(list(frames_of(tmp_path / 'demo.gif'))) > 1
