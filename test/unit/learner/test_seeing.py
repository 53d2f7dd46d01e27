"""What bc makes of images in training: shifted parts, other light, hints of what is hidden."""

import numpy as np
import pytest
import torch
from torch import nn

from ilw_core.align import Observation
from ilw_core.contract.file import named_contract, parse_contract
from ilw_data.episode.frames import Frames
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.data.window_images import WindowImages
from ilw_learner.networks.image_encoder import ImageEncoder
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.runtime.runner import PolicyRunner

LIFT = named_contract('lift')


def one_pixel(row, column):
    picture = torch.zeros((1, 1, 32, 32, 3), dtype=torch.uint8)
    picture[0, 0, row, column] = 255
    return picture


def seen_at(encoder, picture):
    """Return what the encoder's first convolution is given."""
    given = []
    hook = encoder.convolutions[0].register_forward_pre_hook(lambda _, args: given.append(args[0]))
    encoder(picture)
    hook.remove()
    return given[0]


def test_in_use_the_middle_of_the_picture_is_seen():
    encoder = ImageEncoder((32, 32, 3), 4, shift_px=8).eval()
    values = seen_at(encoder, one_pixel(4, 5))
    assert values.shape == (1, 3, 24, 24)
    assert values.argmax().item() % (24 * 24) == 0 * 24 + 1


def test_while_it_trains_every_part_is_seen_and_nothing_else():
    torch.manual_seed(0)
    encoder, places = ImageEncoder((32, 32, 3), 4, shift_px=3).train(), set()
    for _ in range(200):
        values = seen_at(encoder, one_pixel(10, 20))
        assert values.shape == (1, 3, 29, 29)
        row, column = divmod(int(values[0, 0].argmax()), 29)
        places.add((10 - row, 20 - column))
    assert places == {(a, b) for a in range(4) for b in range(4)}


def test_each_picture_of_a_batch_is_shifted_and_lit_by_itself():
    torch.manual_seed(0)
    encoder = ImageEncoder((32, 32, 3), 4, shift_px=3, colour=0.3).train()
    values = seen_at(encoder, one_pixel(10, 20).expand(6, 1, 32, 32, 3))
    assert len({float(each.max()) for each in values}) > 3
    assert len({int(each[0].argmax()) for each in values}) > 2
    encoder.eval()
    assert float(seen_at(encoder, one_pixel(10, 20)).max()) == 0.5


def policy(**config):
    obs = Normalizer.of_bounds(LIFT.obs_low, LIFT.obs_high)
    made = BehaviourCloning(LIFT, BcConfig(hidden=8, noise=0.0, **config), obs,
                            Normalizer.of_bounds(LIFT.action.low, LIFT.action.high), nn.Identity())
    made.net = nn.Sequential(nn.LazyLinear(LIFT.action.dim))
    return made


def batch():
    rng = np.random.default_rng(0)
    return (torch.as_tensor(rng.uniform(LIFT.obs_low, LIFT.obs_high, (4, 1, LIFT.obs_dim)),
                            dtype=torch.float32),
            torch.zeros((4, 1, LIFT.action.dim)),
            *(torch.as_tensor(rng.integers(0, 256, (4, 1, 84, 84, 3)), dtype=torch.uint8)
              for _ in LIFT.images))


def test_what_the_contract_hides_changes_no_action():
    obs, _, *images = batch()
    made = policy().eval()
    before = made(obs, *images)
    hidden = [i for i, name in enumerate(LIFT.entry_names) if name in LIFT.hidden]
    assert LIFT.hidden == ('cube', 'height') and len(hidden) == 6
    obs[..., hidden] += 0.3
    assert torch.equal(made(obs, *images), before)
    obs[..., 8] += 0.1
    assert not torch.equal(made(obs, *images), before)


def test_a_hint_teaches_the_encoders_what_is_hidden_and_only_while_it_trains():
    obs, actions, *images = batch()
    torch.manual_seed(0)
    made = policy(hint=1.0)
    made.eval()
    with torch.no_grad():
        plain = made.loss(obs, actions, *images)
        made.config = BcConfig(hidden=8, noise=0.0, hint=50.0)
        assert made.loss(obs, actions, *images) == plain
    made.train()
    made.loss(obs, actions, *images).backward()
    assert all(float(each.convolutions[0].weight.grad.abs().sum()) > 0.0 for each in made.encoders)
    assert made.hint is not None and made.hint.out_features == 6


def test_without_images_or_hidden_entries_there_is_nothing_to_hint():
    assert policy().hint is None
    state = named_contract('lift_state')
    obs = Normalizer.of_bounds(state.obs_low, state.obs_high)
    made = BehaviourCloning(state, BcConfig(hint=1.0), obs, Normalizer.of_bounds(
        state.action.low, state.action.high), nn.Identity())
    assert made.hint is None


@pytest.fixture
def runner(tmp_path):
    obs, actions, *images = batch()
    step = cloning_step(LIFT, BcConfig(hidden=8, shift_px=4, hint=1.0), 0)(
        obs.numpy(), actions.numpy(), torch.device('cpu'), torch.Generator(), WindowImages(
            {source.name: Frames([seen[:, 0].numpy()])
             for source, seen in zip(LIFT.images, images, strict=True)},
            np.arange(4)[:, None], torch.device('cpu')))
    made = step.policy(step.parameters.flat)
    found = save_checkpoint(tmp_path / 'c', LIFT, {'history': 1, 'horizon': 1}, {
        'policy.onnx': to_onnx(made, LIFT, 1), 'weights.safetensors': b''})
    return PolicyRunner(found.path, LIFT, own=True)


def observation(unseen=(), invalid=()):
    valid = np.array([name not in invalid for name in LIFT.entry_names])
    return Observation(0, np.zeros(LIFT.obs_dim, np.float32), valid, 0, {
        source.name: np.zeros(source.feature.shape, np.uint8) for source in LIFT.images
        if source.name not in unseen}, dict.fromkeys(unseen, 'it is damaged'))


def test_a_robot_that_does_not_know_what_is_hidden_is_driven(runner):
    runner.observe(observation(invalid=('cube', 'height')))
    assert runner.act()[0] is not None


def test_a_picture_that_is_not_there_stops_the_policy_which_says_why(runner):
    runner.observe(observation(unseen=('wrist',), invalid=('cube',)))
    assert runner.act() == (None, 'missing: wrist (it is damaged)')
    runner.reset()
    runner.observe(observation(invalid=('tool', 'cube')))
    assert runner.act()[1].startswith('missing: tool.x_m and ')


def test_hidden_must_be_true_or_false():
    text = LIFT.text.replace('hidden: true', 'hidden: mostly', 1)
    with pytest.raises(Exception, match=r'hidden must be true or false'):
        parse_contract(text)
