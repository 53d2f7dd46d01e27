"""A way is driven again to the bit; one thing otherwise changes what is seen, not the way."""

import numpy as np
import pytest

from ilw_core.errors import IlwError
from ilw_sim.counterfactual import changed, outlines, things
from ilw_sim.env import make_env
from ilw_sim.tasks.scene import Box, Cylinder, Scene

SCENE = Scene((8.0, 8.0), (Box('wall', 0.0, 4.0, 0.0, (0.1, 4.0)), Cylinder(3.0, 2.0, 0.5),
                           Box('box', 4.0, 4.0, np.pi / 2, (1.0, 0.25)),
                           Cylinder(5.0, 5.0, 0.2)), (1.0, 1.0, 0.0), (3.0, 1.0), 2.0)


@pytest.fixture(scope='module')
def env():
    made = make_env('clutter')
    yield made
    made.close()


def driven(env, seed, ticks=6):
    """Drive ahead and to the left; return what was applied and seen."""
    seen, applied = [env.reset(seed=seed)[0]], []
    for _ in range(ticks):
        obs, *_, info = env.step(np.array([0.3, 0.5]))
        seen.append(obs)
        applied.append(info['applied'])
    return np.array(applied), np.array(seen)


def test_a_moment_driven_again_from_its_seed_is_seen_to_the_bit(env):
    applied, seen = driven(env, 3)
    again = env.retrace(3, applied)
    assert np.array_equal(again.obs, seen) and again.valid.all()
    assert again.poses.shape == (7, 3) and again.expert.shape == (7, 2)
    assert not np.array_equal(env.retrace(4, applied).obs, seen)


def test_without_a_thing_only_the_scan_changes_and_the_robot_goes_the_same_way(env):
    applied, seen = driven(env, 3)
    other = env.retrace(3, applied, {'without': 'box 1'})
    assert np.abs(other.obs[:, 36:] - seen[:, 36:]).max() < 1e-5
    farther = other.obs[:, :36] - seen[:, :36]
    assert farther.max() > 0.5 and farther.min() > -0.05
    assert np.abs(other.poses - env.retrace(3, applied).poses).max() < 1e-5


def test_another_goal_is_seen_elsewhere_and_the_expert_turns_to_it(env):
    applied, seen = driven(env, 3)
    plain, other = env.retrace(3, applied), env.retrace(3, applied, {'goal_turn_rad': np.pi / 2})
    assert np.array_equal(other.obs[:, :36], seen[:, :36])
    assert other.obs[0, 36] == pytest.approx(seen[0, 36], abs=1e-5)  # as far away
    assert np.abs(other.obs[0, 37:39] - seen[0, 37:39]).max() > 0.5
    assert np.abs(other.expert - plain.expert).max() > 0.5


def test_things_are_counted_by_kind_and_the_named_one_goes():
    assert list(things(SCENE)) == ['wall 1', 'cylinder 1', 'cylinder 2', 'box 1']
    assert changed(SCENE, {'without': 'cylinder 2'}).shapes == SCENE.shapes[:3]
    assert changed(SCENE, {}) is SCENE
    assert changed(SCENE, {'goal_turn_rad': np.pi / 2}).goal == pytest.approx((1.0, 3.0))


def test_outlines_are_where_things_stand():
    found = outlines(SCENE)
    box, circle = found['box 1'], found['cylinder 1']
    assert np.sort(np.abs(box - (4.0, 4.0)), axis=1) == pytest.approx(np.tile([0.25, 1.0], (4, 1)))
    assert np.abs(box[:, 1] - 4.0) == pytest.approx([1.0] * 4)  # turned by a quarter
    assert np.hypot(*(circle - (3.0, 2.0)).T) == pytest.approx(np.full(24, 0.5))


@pytest.mark.parametrize('do', [{'without': 'box 9'}, {'wind': 1}, {'without': 'box 1', 'x': 2}])
def test_what_cannot_be_changed_is_refused_in_one_line(do):
    with pytest.raises(IlwError) as refused:
        changed(SCENE, do)
    assert '\n' not in str(refused.value)
