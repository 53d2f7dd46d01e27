"""Episodes through LeRobot and back, and a checkpoint in its evaluation: its library, offline."""

import json
from pathlib import Path
import subprocess
import tempfile
from types import SimpleNamespace as Plain

import cv2
import numpy as np
import pytest

from ilw_core.align import Observation
from ilw_core.contract.file import load_contract
from ilw_core.episode import Outcome
from ilw_core.storage.episode_folder import find_episodes
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.made import MadeRecording
from ilw_data.lerobot.environment import lerobot_python
from ilw_learner.runtime.runner import PolicyRunner
from ilw_sim.arm.hand import ArmHand
from ilw_sim.driver.stick import Stick
from ilw_sim.env import make_env

pytestmark = pytest.mark.slow
BEGIN_NS = 1_700_000_000_123_456_789
PEER = Path(__file__).with_name('lerobot_peer.py')
CAMERAS = ('front', 'wrist')
SMALL = 'updates: 10\ncandidates: 1\nbatch: 8\n'
CHUNKS = f'algorithm: act\n{SMALL}width: 16\nhidden: 16\nhorizon: 6\nexecute: 4\n'
KINDS = {
    'one action, from three observations': f'algorithm: bc\nbase: bc\n{SMALL}history: 3\n',
    'chunks': CHUNKS,
    'averaged chunks, from two observations': f'{CHUNKS}join: ensemble\nhistory: 2\n',
}


@pytest.fixture(scope='module')
def python():
    """Return the Python of LeRobot's environment, made if it is not there."""
    return lerobot_python(print)


@pytest.fixture(scope='module')
def demos(tmp_path_factory):
    """Return a folder with three drives of ``lift``, pictures and all; the last one failed."""
    contract, folder = load_contract(config_file('tasks', 'lift')), tmp_path_factory.mktemp('d')
    env = make_env(contract)
    hand = ArmHand(contract, Stick(config_file('joysticks', 'xbox')), seed=0, imperfection=0.0)
    kinds = {source.topic: source.type for source in contract.sources}

    def seen():
        images = env.simulation.images()
        return {**env.simulation.tick.readings, **{source.topic: Plain(
            header=Plain(stamp=None, frame_id=source.name), format='png',
            data=cv2.imencode('.png', images[source.name][..., ::-1])[1].reshape(-1))
            for source in contract.images}}

    for number in range(3):
        bag = MadeRecording(folder / f'drive-{number}', contract, kinds)
        env.reset(seed=number + 1)
        while not (tick := env.simulation.tick).ended:
            bag.tick(BEGIN_NS + tick.stamp_ns, seen())
            _, _, _, _, info = env.step(hand.wish(tick.readings))
            bag.command(BEGIN_NS + tick.stamp_ns, info['applied'])
        bag.tick(BEGIN_NS + tick.stamp_ns, seen())
        assert info['success']
        bag.finish(Outcome.FAILURE if number == 2 else Outcome.SUCCESS, 'rule')
    env.close()
    return folder


@pytest.fixture(scope='module')
def recorded(demos):
    """Return what the contract reads of the drives."""
    contract = load_contract(config_file('tasks', 'lift'))
    return [load_episode(each, contract) for each in find_episodes(demos)]


def peer(python, *words):
    with tempfile.TemporaryDirectory() as kept:
        subprocess.run([str(python), '-I', str(PEER), kept, *map(str, words)], check=True)


def psnr_db(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other.astype(float)) ** 2))


def ran(typed, *words):
    code, out, err = typed('lerobot', *words, '--json')
    assert code == 0, err
    return json.loads(out)


def test_lerobots_own_reader_finds_what_was_recorded(python, demos, recorded, typed, tmp_path):
    made = ran(typed, 'export', demos, '--out', tmp_path / 'set', '--all', '--says', 'Lift it')
    steps = [len(each.actions) for each in recorded]
    assert (made['episodes'], made['steps'], made['recorded']) == (3, sum(steps), 3)
    peer(python, 'read', tmp_path / 'set', tmp_path / 'read.npz')
    with np.load(tmp_path / 'read.npz') as found:
        read = dict(found)
    contract = load_contract(config_file('tasks', 'lift'))
    shown = [i for i, entry in enumerate(contract.entry_names) if entry not in contract.hidden]
    assert read['names'].tolist() == [contract.obs_names[i] for i in shown]
    assert tuple(read['action_names']) == contract.action.names
    assert set(read['task']) == {'Lift it'}
    for number, each in enumerate(recorded):
        mine = read['episode_index'] == number
        obs = each.obs[:-1].astype(np.float32)
        assert read['observation.state'][mine][:, 1].tobytes() == obs[:, shown].tobytes()
        assert read['observation.state'][mine][1:, 0].tobytes() == obs[:-1, shown].tobytes()
        hidden = [i for i in range(obs.shape[1]) if i not in shown]
        assert read['hidden'][mine].tobytes() == obs[:, hidden].tobytes()
        assert read['action'][mine][:, 0].tobytes() == each.actions.tobytes()
        assert read['action'][mine][:-1, 1].tobytes() == each.actions[1:].tobytes()
        late_s = (each.stamps_ns[:-1] - each.stamps_ns[0]) / 1e9 - read['timestamp'][mine]
        assert np.abs(late_s).max() < 1e-3
        assert read['next.done'][mine].tolist() == [False] * (mine.sum() - 1) + [True]
        assert read['next.success'][mine].any() == (number < 2)
        for camera in CAMERAS:
            seen = read[f'observation.images.{camera}'][mine].transpose(0, 2, 3, 1) * 255
            np.testing.assert_array_equal(np.round(seen), each.images[camera][:-1])


@pytest.mark.parametrize('images', ['png', 'video'])
def test_what_goes_through_lerobot_comes_back_as_it_was(demos, recorded, typed, tmp_path, images):
    ran(typed, 'export', demos, '--out', tmp_path / 'set', '--all', '--images', images)
    assert (len(list((tmp_path / 'set').rglob('*.mp4'))) > 0) == (images == 'video')
    back = ran(typed, 'import', tmp_path / 'set', '--out', tmp_path / 'back')
    contract = load_contract(back['task'])
    origin = load_contract(config_file('tasks', 'lift'))
    assert contract.action.units == origin.action.units and not back['left_out']
    folders = find_episodes(tmp_path / 'back')
    assert len(folders) == len(recorded)
    for folder, each in zip(folders, recorded, strict=True):
        episode = load_episode(folder, contract)
        assert episode.actions.tobytes() == each.actions.tobytes()
        assert episode.obs[:-1].tobytes() == each.obs[:-1].tobytes()
        assert np.abs(episode.stamps_ns - each.stamps_ns).max() < 1_000_000
        assert (episode.outcome, episode.stop_reason) == (each.outcome, each.stop_reason)
        for camera in CAMERAS:
            seen, was = episode.images[camera][:-1], each.images[camera][:-1]
            if images == 'png':
                np.testing.assert_array_equal(seen, was)
            else:
                assert psnr_db(seen, was) >= 35.0


def test_only_successes_are_exported_unless_all_are_asked_for(demos, typed, tmp_path):
    made = ran(typed, 'export', demos, '--out', tmp_path / 'set')
    assert (made['episodes'], made['recorded']) == (2, 2)
    code, _, err = typed('lerobot', 'export', demos, '--out', tmp_path / 'set')
    assert code == 2 and '--out must be a new folder' in err and len(err.splitlines()) == 1


def test_a_data_set_that_lerobot_made_is_imported_and_trained_from_by_one_command(
        python, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    peer(python, 'write', tmp_path / 'reach', tmp_path / 'kept.npz')
    (tmp_path / 'brief.yaml').write_text(
        'algorithm: bc\nbase: bc\nupdates: 50\ncandidates: 1\n')
    code, out, err = typed('lerobot', 'import', tmp_path / 'reach', '--train', 'brief.yaml')
    assert code == 0, err
    checkpoints = list((tmp_path / 'runs').glob('*/checkpoint'))
    assert len(checkpoints) == 1 and checkpoints[0].name in out
    contract = load_contract(tmp_path / 'demos' / 'reach' / 'contract.yaml')
    episodes = [load_episode(each, contract) for each in find_episodes(tmp_path / 'demos')]
    with np.load(tmp_path / 'kept.npz') as found:
        kept = dict(found)
    assert [len(each.actions) for each in episodes] == [30, 24] and contract.rate_hz == 20.0
    obs = np.concatenate([each.obs[:-1] for each in episodes])
    names = dict(zip(contract.obs_names, obs.T, strict=True))
    for i, name in enumerate(('shoulder.pos', 'elbow.pos', 'wrist.pos')):
        assert names[f'state.{name}.position'].tobytes() == kept['state'][:, i].tobytes()
    assert names['effort.effort_0.position'].tolist() == kept['effort'][:, 0].astype('f4').tolist()
    actions = np.concatenate([each.actions for each in episodes])
    assert actions.tobytes() == kept['action'].tobytes()
    images = np.concatenate([each.images['top'][:-1] for each in episodes])
    np.testing.assert_array_equal(images, kept['image'].transpose(0, 2, 3, 1))
    about = find_episodes(tmp_path / 'demos')[0].meta['source']
    assert (about['task'], about['foreign']) == ('Reach for the cube', True)


def test_a_damaged_data_set_is_one_line(demos, typed, tmp_path):
    ran(typed, 'export', demos, '--out', tmp_path / 'set')
    for file in (tmp_path / 'set' / 'data').rglob('*.parquet'):
        file.write_bytes(file.read_bytes()[:300])
    code, out, err = typed('lerobot', 'import', tmp_path / 'set', '--out', tmp_path / 'back')
    assert (code, out) == (2, '') and 'LeRobot\'s library says' in err
    assert len(err.splitlines()) == 1 and not (tmp_path / 'back').exists()


@pytest.mark.parametrize('kind', KINDS)
def test_what_lerobots_evaluation_drives_is_what_our_runner_drives(
        python, demos, recorded, typed, tmp_path, kind):
    data_set = tmp_path / 'set'
    ran(typed, 'export', demos, '--out', data_set, '--all')
    (tmp_path / 'brief.yaml').write_text(KINDS[kind])
    code, _, err = typed('train', '--task', 'lift', '--demos', demos, '--env', 'none', '--algo',
                         tmp_path / 'brief.yaml', '--out', tmp_path / 'run')
    assert code == 0, err
    checkpoint = tmp_path / 'run' / 'checkpoint'
    told = ran(typed, 'checkpoint', checkpoint, '--out', tmp_path / 'policy')
    assert told['compared'] >= 8 and told['difference'] <= 1e-6
    contract = load_contract(config_file('tasks', 'lift'))
    about = json.loads((tmp_path / 'policy' / 'config.json').read_text())
    hidden = np.isin(contract.entry_names, contract.hidden)
    assert about['state_names'] == [name for name, judge in zip(
        contract.obs_names, hidden, strict=True) if not judge]
    assert about['action_names'] == list(contract.action.names)
    peer(python, 'drive', data_set, tmp_path / 'driven.npz', tmp_path / 'policy')
    with np.load(tmp_path / 'driven.npz') as found:
        driven = dict(found)
    runner = PolicyRunner(checkpoint, contract)
    for number, episode in enumerate(recorded):
        seen = observations(episode)
        assert len(seen) > 10
        close(driven[f'driven_{number}'], asked(runner, seen, PolicyRunner.drive))
        close(driven[f'chunks_{number}'], asked(runner, seen, PolicyRunner.act))
        close(driven['evaluated'][driven['of'] == number][:len(seen)],
              asked(runner, seen, PolicyRunner.drive))
    again = observations(recorded[0])[:3]
    close(driven['again'], asked(runner, [*again, *again], PolicyRunner.drive))
    assert np.abs(driven['again'][3:] - driven['again'][:3]).max() > 1e-4  # reset matters
    assert np.ptp(driven['driven_0'], axis=0).max() > 1e-3
    assert driven['success'] == 100.0
    assert str(driven['no_training']).endswith('./ilw train.')


def test_what_is_no_checkpoint_is_refused_before_lerobot_is_asked(typed, tmp_path):
    code, out, err = typed('lerobot', 'checkpoint', tmp_path, '--out', tmp_path / 'policy')
    assert (code, out) == (2, '') and 'is not a checkpoint' in err and len(err.splitlines()) == 1
    assert not (tmp_path / 'policy').exists()


def observations(episode):
    """Return what a policy is shown of an episode's steps that have an action."""
    return [Observation(0, episode.obs[i], episode.obs_valid[i], 0,
                        {name: each[i] for name, each in episode.images.items()})
            for i in range(len(episode.actions))]


def asked(runner, seen, ask):
    runner.reset()
    answers = []
    for each in seen:
        runner.observe(each)
        answers.append(ask(runner)[0])
    return np.stack(answers)


def close(got, wanted):
    np.testing.assert_allclose(got, wanted.astype(np.float32), rtol=1e-6, atol=1e-6)
