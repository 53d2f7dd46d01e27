"""Demonstrations of an arm made of recorded ones: driven, successful, marked, and trained from."""

import json

import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.episode import Outcome
from ilw_core.errors import ContractError
from ilw_core.storage.episode_folder import find_episodes, read_episode
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.made import MadeRecording
from ilw_sim.arm.hand import ArmHand
from ilw_sim.arm.multiply import Multiplier
from ilw_sim.driver.stick import Stick
from ilw_sim.env import make_env


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    """Return a folder with a demonstration of ``pick_place_state``."""
    contract = load_contract(config_file('tasks', 'pick_place_state'))
    env, folder = make_env(contract), tmp_path_factory.mktemp('demos')
    hand = ArmHand(contract, Stick(config_file('joysticks', 'xbox')), seed=0, imperfection=0.0)
    kinds = {o.topic: o.type for o in env.simulation.offers if o.topic in contract.topics}
    bag = MadeRecording(folder / 'one', contract, kinds)
    env.reset(seed=1)
    begin_ns = 1_000_000_000
    while not (tick := env.simulation.tick).ended:
        bag.tick(begin_ns + tick.stamp_ns, tick.readings)
        _, _, _, _, info = env.step(hand.wish(tick.readings))
        bag.command(begin_ns + tick.stamp_ns, info['applied'])
    bag.tick(begin_ns + tick.stamp_ns, tick.readings)
    env.close()
    assert info['success']
    bag.finish(Outcome.SUCCESS, 'goal')
    return folder


def test_a_part_of_the_drive_goes_with_its_thing(recorded):
    contract = load_contract(config_file('tasks', 'pick_place_state'))
    source = Multiplier(contract).read(recorded / 'one')
    cube, goal = source.parts
    assert (cube.thing, goal.thing) == ('cube', 'goal')
    assert cube.fingers_m[0] == pytest.approx(0.04) and cube.fingers_m[-1] == pytest.approx(0.0)
    off = cube.tool[-1, :2] - cube.place[:2]
    assert np.hypot(*off) < 0.03, 'it ends where the cube was, a tick on its way'
    assert np.hypot(*(goal.tool[-1, :2] - goal.place[:2])) < 0.04, 'and at the mark'


def test_demonstrations_are_made_kept_and_marked(recorded, tmp_path, typed):
    code, text = typed('episodes', 'multiply', str(recorded), '--task', 'pick_place_state',
                       '--count', '3', '--out', str(tmp_path / 'made'), '--json')[:2]
    found = json.loads(text)
    assert (code, found['made'], found['recorded']) == (0, 3, 1)
    contract = load_contract(config_file('tasks', 'pick_place_state'))
    starts = set()
    for each in find_episodes(tmp_path / 'made'):
        episode = load_episode(each.path, contract)
        assert each.outcome is Outcome.SUCCESS and each.meta['operator'] == 'multiply'
        assert each.meta['made']['from'] == 'one'
        assert episode.obs_valid.all() and len(episode.actions) > 20
        starts.add(episode.obs[0].tobytes())
    assert len(starts) == 3, 'each in a world of its own'
    assert read_episode(recorded / 'one').meta.get('made') is None


def test_a_folder_that_holds_something_is_left_alone(recorded, typed):
    code, *texts = typed('episodes', 'multiply', str(recorded), '--task', 'pick_place_state',
                         '--out', str(recorded))
    assert code == 2 and '--out must be a new folder' in ''.join(texts)


def test_a_base_and_an_arm_told_by_joints_are_refused():
    for task, why in (('clutter', 'a task of an arm'), ('reach_joints', 'tool by twists')):
        with pytest.raises(ContractError, match=why):
            Multiplier(load_contract(config_file('tasks', task)))
