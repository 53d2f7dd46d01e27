"""
LeRobot by itself, as its users call it; run with the Python of ``.venv-lerobot``.

``KEPT read FOLDER OUT.npz``: by its reader, with ``delta_timestamps``. ``KEPT write FOLDER
OUT.npz``: a data set that ILW had no part in. ``KEPT act FOLDER OUT.npz SHAPES
[LOW HIGH]``: a small ACT policy of such features, whose actions are mostly between the two, and
the chunks that it gives for some inputs. ``KEPT drive FOLDER OUT.npz POLICY``: what a pretrained
policy does on a data set's episodes, asked frame by frame and by LeRobot's evaluation.
``KEPT``: a folder for what the library keeps.
"""

import json
from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools' / 'lerobot'))
import side  # noqa: F401, I001 - offline

from lerobot.datasets.lerobot_dataset import LeRobotDataset
import numpy as np


def read(folder, out):
    near = {'action': [0.0, 0.1], 'observation.state': [-0.1, 0.0]}
    data = LeRobotDataset('a/b', folder, video_backend='pyav', delta_timestamps=near)
    rows = [data[i] for i in range(len(data))]
    found = {key: np.stack([np.asarray(row[key]) for row in rows])
             for key, each in rows[0].items() if key != 'task'}
    names = data.meta.features['observation.state']['names']
    np.savez(out, **found, task=[row['task'] for row in rows], names=names,
             action_names=data.meta.features['action']['names'])


def write(folder, out):
    rng, size = np.random.default_rng(0), (24, 32)
    data = LeRobotDataset.create('a/b', 20, root=folder, use_videos=False, features={
        'observation.state': {'dtype': 'float32', 'shape': (3,),
                              'names': {'motors': ['shoulder.pos', 'elbow.pos', 'wrist.pos']}},
        'observation.effort': {'dtype': 'float64', 'shape': (1,), 'names': None},
        'observation.images.top': {'dtype': 'image', 'shape': (3, *size),
                                   'names': ['channels', 'height', 'width']},
        'action': {'dtype': 'float32', 'shape': (3,), 'names': None}})
    kept = {'state': [], 'action': [], 'effort': [], 'image': []}
    for steps in (30, 24):
        for _ in range(steps):
            row = {'state': rng.normal(size=3).astype('f4'), 'effort': rng.normal(size=1),
                   'image': rng.integers(0, 256, (3, *size), dtype=np.uint8)}
            row['action'] = (0.5 * row['state'] + 0.1).astype('f4')
            for key, each in row.items():
                kept[key].append(each)
            data.add_frame({
                'observation.state': row['state'], 'observation.effort': row['effort'],
                'observation.images.top': row['image'], 'action': row['action'],
                'task': 'Reach for the cube'})
        data.save_episode()
    data.finalize()
    np.savez(out, **{key: np.stack(each) for key, each in kept.items()})


def act(folder, out, sizes, low='[-1, -1]', high='[1, 1]'):
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.act.processor_act import make_act_pre_post_processors
    import torch

    torch.manual_seed(0)
    kinds = {'observation.state': FeatureType.STATE, 'observation.environment_state':
             FeatureType.ENV, 'action': FeatureType.ACTION}
    features = {key: PolicyFeature(kinds.get(key, FeatureType.VISUAL), tuple(size))
                for key, size in json.loads(sizes).items()}
    seen = {key: each for key, each in features.items() if key != 'action'}
    config = ACTConfig(
        input_features=seen, output_features={'action': features['action']}, chunk_size=10,
        n_action_steps=8, dim_model=32, n_heads=4, dim_feedforward=64, n_encoder_layers=1,
        n_vae_encoder_layers=1, pretrained_backbone_weights=None, device='cpu')
    policy = ACTPolicy(config)
    spread = {key: (3, 1, 1) if len(each.shape) == 3 else each.shape
              for key, each in features.items()}
    stats = {key: {'mean': torch.randn(size), 'std': torch.rand(size) + 0.5}
             for key, size in spread.items()}
    low, high = torch.tensor(json.loads(low)), torch.tensor(json.loads(high))
    stats['action'] = {'mean': (low + high) / 2.0, 'std': (high - low) / 4.0}
    before, after = make_act_pre_post_processors(config, stats)
    for each in (policy, before, after):
        each.save_pretrained(folder)
    # As its data sets hold pictures: (N, 3, H, W) of whole 255ths.
    batch = {key: torch.randint(0, 256, (4, *each.shape)) / 255.0 if len(each.shape) == 3
             else torch.randn(4, *each.shape) for key, each in seen.items()}
    chunks = after(policy.predict_action_chunk(before(dict(batch))))
    np.savez(out, action=chunks.numpy(), **{key: each.numpy() for key, each in batch.items()})


def drive(folder, out, pretrained):
    from lerobot.configs.policies import PreTrainedConfig
    from lerobot.policies.factory import make_policy, make_pre_post_processors
    from lerobot.processor import PolicyProcessorPipeline
    from lerobot.scripts.lerobot_eval import eval_policy
    from lerobot.utils.import_utils import register_third_party_plugins

    register_third_party_plugins()  # as lerobot-eval begins
    data = LeRobotDataset('a/b', folder, video_backend='pyav')
    config = PreTrainedConfig.from_pretrained(pretrained)
    config.pretrained_path = Path(pretrained)
    policy = make_policy(config, ds_meta=data.meta)
    before, after = make_pre_post_processors(config, pretrained, preprocessor_overrides={
        'device_processor': {'device': 'cpu'}, 'rename_observations_processor': {
            'rename_map': {}}})
    seen = [{key: data[i][key] for key in config.input_features} for i in range(len(data))]
    first = data.meta.episodes['dataset_from_index']
    end = data.meta.episodes['dataset_to_index']
    found = {}
    for number in range(len(first)):
        rows = seen[first[number]:end[number]]
        policy.reset()
        found[f'driven_{number}'] = np.concatenate([
            after(policy.select_action(before(dict(row)))).numpy() for row in rows])
        policy.reset()
        found[f'chunks_{number}'] = np.concatenate([
            after(policy.predict_action_chunk(before(dict(row)))).numpy() for row in rows])
    policy.reset()
    again = [after(policy.select_action(before(dict(row)))).numpy() for row in seen[:3] * 2]
    try:
        policy.forward(seen[0])
    except NotImplementedError as error:
        found['no_training'] = str(error)
    env = replays([seen[a:b] for a, b in zip(first, end, strict=True)], policy)
    nothing = PolicyProcessorPipeline(steps=[])
    told = eval_policy(env, policy, nothing, nothing, before, after, len(first),
                       return_episode_data=True, start_seed=0)
    np.savez(out, again=np.concatenate(again), success=told['aggregated']['pc_success'],
             evaluated=told['episodes']['action'].numpy(),
             of=told['episodes']['episode_index'].numpy(), **found)


def replays(episodes, policy):
    """Return a vector of two environments that show recorded episodes, whatever is done."""
    import gymnasium

    images = policy.config.image_features
    sizes = {key.rsplit('.', 1)[-1]: each.shape for key, each in images.items()}

    class Replay(gymnasium.Env):
        metadata = {'render_fps': 10}
        _max_episode_steps = max(map(len, episodes))
        observation_space = gymnasium.spaces.Dict({
            'agent_pos': gymnasium.spaces.Box(-np.inf, np.inf, policy.config.input_features[
                'observation.state'].shape),
            'pixels': gymnasium.spaces.Dict({
                name: gymnasium.spaces.Box(0, 255, (height, width, 3), np.uint8)
                for name, (_, height, width) in sizes.items()})})
        action_space = gymnasium.spaces.Box(-np.inf, np.inf, policy.config.action_feature.shape)

        def reset(self, *, seed=None, options=None):
            self.episode, self.step_number = episodes[(seed or 0) % len(episodes)], 0
            return self.shown(), {'is_success': False}

        def step(self, action):
            self.step_number += 1
            ended = self.step_number >= len(self.episode)
            self.step_number = min(self.step_number, len(self.episode) - 1)
            return self.shown(), 0.0, ended, False, {'is_success': ended}

        def shown(self):
            row = self.episode[self.step_number]
            return {'agent_pos': row['observation.state'].numpy(), 'pixels': {
                name: np.round(row[f'observation.images.{name}'].numpy() * 255).astype(
                    np.uint8).transpose(1, 2, 0) for name in sizes}}

    return gymnasium.vector.SyncVectorEnv(
        [Replay] * 2, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)


{'read': read, 'write': write, 'act': act, 'drive': drive}[sys.argv[2]](
    Path(sys.argv[3]), *sys.argv[4:])
