"""A camera from bag to action: bc learns from images, and its checkpoint acts the same live."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file

from ilw_core.align import Resampler
from ilw_core.errors import ContractError, IlwError
from ilw_data.bag.reader import read_messages
from ilw_data.episode.dataset import load_episode
from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.cli import train as train_command
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.rollout.replay import observation_at, replay
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.progress import CancelledError
from ilw_learner.training.train import train

SHORT = BcConfig(updates=240, batch=32, hidden=32, candidates=2, average=0.9, held_out_ratio=0.2)


def demonstrations(cameras, contract, folder, count=5):
    folder.mkdir()
    for i in range(count):
        cameras.steering_bag(folder / f'{i}', contract, np.random.default_rng(i))
    return folder


@pytest.fixture
def options(cameras, tmp_path):
    def make(contract, folder='run', config=SHORT, **more):
        demos = tmp_path / 'demos'
        if not demos.exists():
            demonstrations(cameras, contract, demos)
        return TrainOptions(contract=contract, algorithm='bc', config=config, demos=demos,
                            out=tmp_path / folder, **more)

    return make


def go_on(now):
    return True


@pytest.mark.long
@pytest.mark.parametrize('odometry', [True, False])
def test_bc_learns_to_steer_by_the_half_that_is_bright_and_acts_live_as_on_the_episode(
        cameras, options, tmp_path, odometry):
    contract = cameras.camera_contract(odometry=odometry)
    losses = []
    given = options(contract)
    summary = train(given, lambda now: losses.append(now.loss) or True)
    error = summary.details['held_out']
    assert losses[-1] < 0.2 * losses[0] and error['loss'] < 0.05
    assert error['mae']['twist.angular.z'] < 0.15, 'labels are 0.8 and -0.8'
    folder = given.demos / '0'
    episode = load_episode(folder, contract)
    offline = replay([episode], contract, PolicyRunner(summary.checkpoint, contract)).actions
    assert np.abs(offline[:, 1] - episode.actions[:, 1]).mean() < 0.15
    runner, resampler = PolicyRunner(summary.checkpoint, contract), Resampler(contract)
    waiting = list(read_messages(folder))
    for t, tick in enumerate(episode.stamps_ns[:-1].tolist()):
        while waiting and waiting[0].stamp_ns <= tick:
            item = waiting.pop(0)
            for source in contract.sources:
                if source.topic == item.topic:
                    resampler.push(source.name, item.stamp_ns, item.message)
        runner.observe(resampler.observe(tick))
        acted, why = runner.act()
        assert acted is not None, why
        assert acted[0].tobytes() == offline[t].tobytes()


@pytest.mark.long
def test_a_graph_takes_images_by_their_names_beside_the_observation(cameras, options):
    contract = cameras.camera_contract()
    summary = train(options(contract, config=replace(SHORT, updates=20, history=2)), go_on)
    graph = onnx.load(Path(summary.checkpoint) / 'policy.onnx').graph
    inputs = {each.name: (each.type.tensor_type.elem_type,
                          [d.dim_value for d in each.type.tensor_type.shape.dim[1:]])
              for each in graph.input}
    assert inputs == {'observation': (onnx.TensorProto.FLOAT, [2, 2]),
                      'camera': (onnx.TensorProto.UINT8, [2, 16, 24, 3])}
    runner = PolicyRunner(summary.checkpoint, contract)  # its trial in a child takes images, too
    episode = load_episode(options(contract).demos / '0', contract)
    for t in (0, 1):
        runner.observe(observation_at(episode, t))
    assert runner.act()[0].shape == (1, 2)


@pytest.mark.long
def test_it_goes_on_to_the_same_bits_after_an_interruption(cameras, options):
    contract, config = cameras.camera_contract(), replace(SHORT, updates=400, candidates=4)
    whole = train(options(contract, 'whole', config), go_on)
    with pytest.raises(CancelledError):
        train(options(contract, 'stopped', config), lambda now: now.update < 240)
    begun = []
    again = train(options(contract, 'stopped', config),
                  lambda now: begun.append(now.update) or True)
    one, other = (load_file(Path(each.checkpoint) / 'weights.safetensors')
                  for each in (whole, again))
    assert min(begun) > 200 and any(name.startswith('encoders.0.') for name in one)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_an_image_that_is_missing_is_named_and_nothing_is_asked_for(cameras, options):
    contract = cameras.camera_contract()
    runner = PolicyRunner('idle', contract)
    episode = load_episode(options(contract).demos / '0', contract)
    seen = observation_at(episode, 0)
    runner.observe(seen)
    assert runner.act()[0] is not None
    runner.observe(replace(seen, images={}, unseen={'camera': 'it is empty'}))
    assert runner.act() == (None, 'missing: camera (it is empty)')
    masked = replace(episode, images_valid={'camera': np.zeros(len(episode.obs), bool)})
    runner.observe(observation_at(masked, 3))
    assert runner.act() == (None, 'missing: camera')


@pytest.mark.parametrize('name', [
    name for name, each in ALGORITHMS.items() if not each.sees_images])
def test_what_learns_from_numbers_only_says_so_before_it_reads_a_recording(
        cameras, tmp_path, run, name):
    task = tmp_path / 'camera.yaml'
    task.write_text(cameras.contract_text())
    code, _, said = run(train_command, '--task', task, '--algo', name, '--demos',
                        tmp_path / 'none', '--out', tmp_path / 'out')
    assert code == 2 and 'Use --algo bc' in said and '(camera)' in said
    assert len(said.strip().splitlines()) == 1 and not (tmp_path / 'out').exists()


OWN = '''
import torch
from torch import nn

from ilw_learner.algorithms.base import Algorithm
from ilw_learner.networks.policy import ImitationPolicy
from ilw_learner.training.from_demonstrations import by_autograd, imitate
from ilw_learner.training.imitation import ImitationConfig


class Pixels(ImitationPolicy):
    """A weighted sum of pixels."""

    def __init__(self, contract, config, obs, actions):
        super().__init__()
        height, width, channels = contract.images[0].feature.shape
        self.weights = nn.Linear(height * width * channels, 2)

    def act(self, obs, images):
        return self.weights(images.flatten(2).float() / 255.0)

    def loss(self, obs, actions, images):
        return (self.act(obs, images) - actions).square().mean()


def train(options, on_progress):
    return imitate(options, on_progress, by_autograd(options, Pixels))


ALGORITHM = Algorithm(ImitationConfig, train, demonstrated=True, sees_images=True)
'''


def test_an_algorithm_of_ones_own_learns_from_images_where_it_says_so(
        cameras, options, tmp_path, run):
    contract = cameras.camera_contract()
    task, file = tmp_path / 'camera.yaml', tmp_path / 'pixels.py'
    task.write_text(contract.text)
    file.write_text(OWN)
    (tmp_path / 'pixels.yaml').write_text('algorithm: pixels\nupdates: 60\nbatch: 16\n')
    words = ('--task', task, '--demos', options(contract).demos, '--env', 'none', '--out',
             tmp_path / 'own', '--algo-file', file, '--config', tmp_path / 'pixels.yaml')
    code, _, error = run(train_command, *words)
    assert code == 0, error
    runner = PolicyRunner(tmp_path / 'own/checkpoint', contract)
    runner.observe(observation_at(load_episode(tmp_path / 'demos/0', contract), 0))
    assert runner.act()[0] is not None
    file.write_text(OWN.replace(', sees_images=True', ''))
    code, _, error = run(train_command, *words)
    assert code == 2 and 'pixels learns from numbers only' in error


def test_a_camera_missing_in_some_episodes_is_said_of_each_and_the_others_are_learned(
        cameras, options, tmp_path):
    contract, said = cameras.camera_contract(), []
    given = options(contract, config=replace(SHORT, updates=10, candidates=1), say=said.append)
    cameras.write_bag(given.demos / 'blind', [None] * 20, contract, meta={'outcome': 'success'})
    summary = train(given, go_on)
    assert summary.details['episodes'] == 5
    (line,) = [each for each in said if each.startswith('left out: ')]
    assert 'blind' in line and 'no message came on image' in line and '\n' not in line


def test_no_environment_is_asked_for_images(cameras, tmp_path, run):
    task = tmp_path / 'camera.yaml'
    task.write_text(cameras.contract_text())
    code, _, said = run(train_command, '--task', task, '--demos', tmp_path / 'none')
    assert code == 2 and '--env none' in said
    with pytest.raises(IlwError, match='ilw replay'):
        make_env('ilw_sim.env:make_env', cameras.camera_contract())


def test_mirroring_is_refused_in_a_line(cameras, options):
    contract = cameras.camera_contract()
    with pytest.raises(ContractError, match=r'camera \(image\) has no mirror image'):
        train(options(contract, config=replace(SHORT, mirror=True)), go_on)
