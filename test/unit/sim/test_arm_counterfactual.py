"""An arm's episode driven again, and with a thing elsewhere."""

import numpy as np
import pytest

from ilw_core.errors import IlwError
from ilw_sim.env import make_env


@pytest.fixture(scope='module')
def env():
    made = make_env('pick_place_state')
    yield made
    made.close()


@pytest.fixture(scope='module')
def driven(env):
    """Drive a second towards the cube; return what was seen and applied."""
    seen, _ = env.reset(seed=3)
    rows, applied = [seen], []
    for _ in range(10):
        seen, _, _, _, info = env.step([0.1, 0.0, -0.1, 0.0, 0.04])
        rows.append(seen)
        applied.append(info['applied'])
    return np.array(rows), np.array(applied)


def test_what_is_driven_again_is_seen_again_to_the_bit(env, driven):
    seen, applied = driven
    again = env.retrace(3, applied)
    assert np.array_equal(again.obs, seen)
    assert again.expert.shape == (11, 5) and np.abs(again.expert).max() > 0.05


def test_a_thing_that_lies_elsewhere_is_seen_there_and_the_arm_goes_the_same_way(env, driven):
    plain = env.retrace(3, driven[1])
    other = env.retrace(3, driven[1], {'moved': 'cube', 'y_m': 0.05})
    y = env.contract.obs_names.index('cube.y_m')
    assert (other.obs - plain.obs)[:, y] == pytest.approx(0.05, abs=1e-3)
    assert np.abs(other.poses - plain.poses).max() < 1e-5
    assert (other.expert - plain.expert)[:, 1].max() > 0.05, 'the expert would go there'


def test_what_can_be_otherwise_is_what_lies_there(env):
    env.reset(seed=3)
    things = env.things()
    assert set(things) == {'cube', 'goal'} and things['cube'].shape == (4, 2)
    causes = env.changes(['cube'])
    assert [cause for cause, _ in causes] == ['cube to the left', 'cube to the right']
    for _, do in causes:
        env.retrace(3, np.zeros((1, 5)), do)
    with pytest.raises(IlwError, match=r'one of cube, goal, and "x_m" or "y_m"'):
        env.retrace(3, np.zeros((1, 5)), {'moved': 'box 1', 'y_m': 0.1})


def test_another_light_changes_the_pictures_and_nothing_else():
    env = make_env('lift')
    env.reset(seed=3)
    causes = dict(env.changes(['cube']))
    assert [*causes][2:] == ['light down to the half', 'light to the other side']
    stays = np.tile([0.0, 0.0, 0.0, 0.0, 0.04], (2, 1))
    plain = env.retrace(3, stays, images=True)
    dark, turned, aside = (env.retrace(3, stays, causes[name], images=True) for name in (
        'light down to the half', 'light to the other side', 'cube to the left'))
    assert plain.images['front'].shape == (3, 84, 84, 3) and not env.retrace(3, stays).images
    for other in (dark, turned):
        assert np.array_equal(other.obs, plain.obs)
    assert dark.images['front'].mean() == pytest.approx(plain.images['front'].mean() / 2, rel=0.05)
    away = np.abs(turned.images['front'].astype(int) - plain.images['front'])
    assert 0 < (away > 5).mean() < 0.5, 'the table has no shade'
    assert (np.abs(aside.images['front'].astype(int) - plain.images['front']) > 20).any()
    env.close()
