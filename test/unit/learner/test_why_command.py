"""The command: one page of a checkpoint and recordings, one line for what is no such thing."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from ilw_core.contract.file import named_contract
from ilw_core.episode import Outcome
from ilw_data.episode.made import MadeRecording
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.commands.why import why
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.rollout.evaluate import make_env

BEGIN_NS = 1_000_000_000
META = {'outcome': 'success', 'stop_reason': 'goal'}


@pytest.fixture
def checkpoint(tmp_path):
    contract, config = named_contract('maze'), BcConfig(hidden=8)
    policy = BehaviourCloning(
        contract, config, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
        Normalizer.of_bounds(contract.action.low, contract.action.high), nn.Identity())
    policy.net = FusedMlp(cloning_sizes(contract, config, policy.inputs),
                          torch.Generator().manual_seed(1), torch.device('cpu')).module()
    return save_checkpoint(tmp_path / 'policy', contract, {
        'algorithm': 'bc', 'history': 1, 'horizon': 1},
        {'policy.onnx': to_onnx(policy, contract, 1), 'weights.safetensors': b''}).path


@pytest.mark.long
def test_without_a_simulator_the_recordings_answer_and_the_page_says_so(
        checkpoint, bags, run, tmp_path):
    for number in range(4):
        bags.write(tmp_path / 'demos' / str(number), meta=META, ticks=30,
                   drive=lambda i: (0.4, 0.0) if i % 7 else (0.15, 1.2),
                   place=lambda i, n=number: (0.1 * i, 0.5 + n, 0.1 * i))
    page = tmp_path / 'page.html'
    code, out, err = run(why, checkpoint, tmp_path / 'demos', '--env', 'none', '--out', page,
                         '--json')
    assert code == 0, err
    said = json.loads(out)
    assert (said['task'], said['episodes'], said['driven_again']) == ('maze', 4, 0)
    assert said['causes'] == [] and any('Without a simulator' in each for each in said['notes'])
    assert [each['blank']['input'] for each in said['inputs']] == ['pose']
    assert said['inputs'][0]['share'] == 1.0 and said['gradient']['complete_ratio'] == 1.0
    assert set(said['moments'][0]['gradient']) == {'stop', 'forward', 'left', 'right'}
    text = page.read_text()
    assert text.count('data:image/png;base64,') == 1 + len(said['moments'])
    assert 'Without a simulator' in text and '<script' not in text


@pytest.mark.parametrize(('words', 'told'), [
    (('idle', 'DEMOS'), 'looks at nothing'), (('CHECKPOINT', 'EMPTY'), 'No episode in'),
    (('CHECKPOINT', 'OTHER'), 'another contract'), (('EMPTY', 'DEMOS'), 'not a checkpoint')])
def test_bad_input_is_one_line_and_exit_code_2(checkpoint, bags, run, tmp_path, words, told):
    (tmp_path / 'empty').mkdir()
    bags.write(tmp_path / 'demos' / 'one', meta=META)
    bags.write(tmp_path / 'other' / 'one', meta=META | {'contract_hash': 'f' * 64})
    places = {'DEMOS': tmp_path / 'demos', 'EMPTY': tmp_path / 'empty',
              'OTHER': tmp_path / 'other', 'CHECKPOINT': checkpoint}
    code, out, err = run(why, *(places.get(word, word) for word in words), '--env', 'none',
                         '--out', tmp_path / 'page.html')
    assert code == 2 and told in err and err.count('\n') == 1 and not out
    assert not (tmp_path / 'page.html').exists()


def test_an_input_left_out_has_no_say(clutter):
    config = BcConfig(hidden=8, near_m=0.4, without='velocity,goal')
    policy = BehaviourCloning(
        clutter, config, Normalizer.of_bounds(clutter.obs_low, clutter.obs_high),
        Normalizer.of_bounds(clutter.action.low, clutter.action.high), nn.Identity())
    policy.net = FusedMlp(cloning_sizes(clutter, config, policy.inputs),
                          torch.Generator().manual_seed(1), torch.device('cpu')).module()
    rng = np.random.default_rng(0)
    one, other = (rng.uniform(clutter.obs_low, clutter.obs_high, (20, 1, 41)).astype(np.float32)
                  for _ in range(2))
    other[..., :36] = one[..., :36]
    given = [policy(torch.as_tensor(each)).detach().numpy() for each in (one, other)]
    assert np.array_equal(*given)
    other[..., 3] = 0.5
    assert not np.array_equal(given[0], policy(torch.as_tensor(other)).detach().numpy())


def arm_and_recordings(task, tmp_path):
    """Return an untrained policy of an arm, and leave two recordings of it in ``demos``."""
    contract, config = named_contract(task), BcConfig(hidden=8, without='arm,tool')
    torch.manual_seed(0)
    policy = BehaviourCloning(
        contract, config, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
        Normalizer.of_bounds(contract.action.low, contract.action.high), nn.Identity())
    encoded = sum(each.width for each in policy.encoders)
    policy.net = FusedMlp(cloning_sizes(contract, config, policy.inputs, encoded),
                          torch.Generator().manual_seed(1), torch.device('cpu')).module()
    with torch.no_grad():  # small differences of pictures are to count, too
        for each in policy.encoders.parameters():
            each *= 6.0
        if contract.images:
            policy.net[-1].weight *= 10.0
    saved = save_checkpoint(tmp_path / 'policy', contract, {
        'algorithm': 'bc', 'history': 1, 'horizon': 1},
        {'policy.onnx': to_onnx(policy.eval(), contract, 1), 'weights.safetensors': b''}).path
    env = make_env('ilw_sim.env:make_env', contract).unwrapped
    kinds = {o.topic: o.type for o in env.simulation.offers if o.topic in contract.topics}
    for seed in range(2):
        env.reset(seed=seed)
        bag = MadeRecording(tmp_path / 'demos' / str(seed), contract, kinds)
        for step in range(12):
            tick = env.simulation.tick
            bag.tick(BEGIN_NS + tick.stamp_ns, seen(env))
            info = env.step(np.array([0.1, 0.02 * step, -0.1, 0.2, 0.04]))[4]
            bag.command(BEGIN_NS + tick.stamp_ns, info['applied'])
        bag.tick(BEGIN_NS + env.simulation.tick.stamp_ns, seen(env))
        bag.finish(Outcome.SUCCESS, 'goal')
    env.close()
    return saved


def seen(env):
    """Return what all sensors say, pictures included."""
    simulation = env.simulation
    return {**simulation.tick.readings, **{source.topic: simulation.reading(source.topic)
                                           for source in env.contract.images}}


@pytest.mark.long
def test_a_policy_of_an_arm_is_asked_do_on_what_lies_before_it(run, tmp_path):
    pytest.importorskip('pybullet')
    saved = arm_and_recordings('lift_state', tmp_path)
    code, out, err = run(why, saved, tmp_path / 'demos', '--worlds', '1', '--out',
                         tmp_path / 'page.html', '--json')
    assert code == 0, err
    said = json.loads(out)
    assert said['driven_again'] == 1 and said['gradient'] is not None
    assert {each['cause'] for each in said['causes']} == {'cube to the left', 'cube to the right'}
    assert all(each['policy'] > 0.0 and each['expert'] > 0.0 for each in said['causes'])


@pytest.mark.slow
def test_pictures_get_heat_maps_that_the_file_that_drives_confirms_and_other_light(
        run, tmp_path):
    pytest.importorskip('pybullet')
    saved = arm_and_recordings('lift', tmp_path)
    page = tmp_path / 'page.html'
    code, out, err = run(why, saved, tmp_path / 'demos', '--worlds', '1', '--out', page,
                         '--json')
    assert code == 0, err
    said = json.loads(out)
    assert [each['blank']['input'] for each in said['inputs']] == [
        'arm', 'gripper', 'tool', 'front', 'wrist'], 'what is hidden moves nothing'
    uses = {each['blank']['input']: each for each in said['inputs']}
    assert uses['front']['image'] and uses['front']['mixed']['ratio'] > 0.0
    assert uses['arm']['mixed']['ratio'] == 0.0, 'it was left out'
    assert {each['cause'] for each in said['causes']} == {
        'cube to the left', 'cube to the right', 'light down to the half',
        'light to the other side'}
    assert all(each['policy'] > 0.0 for each in said['causes'])
    light = [each['expert'] for each in said['causes'] if 'light' in each['cause']]
    assert light == [0.0, 0.0], 'who knows the map needs no light'
    assert said['gradient']['worst_gap_ratio'] < 0.1
    assert said['heat']['pairs'] > 0 and said['heat']['rank_correlation'] > 0.3
    assert said['heat']['same_place_ratio'] > 0.3
    assert 'Heat maps and squares hidden' in page.read_text()
