"""
LeRobot's ACT from the same windows, driven by LeRobot in the same worlds.

    act_lerobot.py FOLDER TASK VALUES

in LeRobot's environment (``./ilw lerobot``). FOLDER holds ``windows.npz``; VALUES is an object of
``updates``, ``batch``, ``rate``, ``seed``, ``first`` and ``episodes`` (the worlds), ``vae``.
Batches are drawn from memory, which costs it less than its data loader. Prints an object.
"""

import json
from pathlib import Path
import sys
import time

sys.path.append(str(Path(__file__).resolve().parents[2] / 'tools' / 'lerobot'))
import side  # noqa: F401, I001 - makes torchvision load beside a CPU's torch; offline
import act_graph  # noqa: F401 - imports LeRobot's ACT without its other policies

from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.act.processor_act import make_act_pre_post_processors
import numpy as np
import torch
from world import World, Worlds

_HAND = 4
"""The first numbers of an observation are the robot's own; LeRobot takes these apart"""
_CLIP = 10.0
"""The largest gradient, as LeRobot's own training has it"""


def parts(obs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what LeRobot calls the parts of ``(B, 39)``."""
    return {'observation.state': obs[:, :_HAND], 'observation.environment_state': obs}


def spread(values: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return mean and standard deviation of ``(N, D)``, for LeRobot to normalise by."""
    return {'mean': values.mean(0), 'std': values.std(0)}


def main() -> None:
    """Train, drive, print."""
    folder, task, given = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    with np.load(folder / 'windows.npz') as found:
        obs, actions = (torch.from_numpy(found[name]) for name in ('obs', 'actions'))
    absent = actions.isnan().any(-1)
    torch.set_num_threads(1)
    torch.manual_seed(given['seed'])
    features = {name: PolicyFeature(
        FeatureType.STATE if name == 'observation.state' else FeatureType.ENV, each.shape[1:])
        for name, each in parts(obs).items()}
    config = ACTConfig(
        input_features=features, output_features={
            'action': PolicyFeature(FeatureType.ACTION, actions.shape[2:])},
        chunk_size=actions.shape[1], n_action_steps=actions.shape[1] // 2, dim_model=64,
        n_heads=4, dim_feedforward=256, n_encoder_layers=3, n_decoder_layers=2,
        n_vae_encoder_layers=1, use_vae=given['vae'], pretrained_backbone_weights=None,
        device='cpu', optimizer_lr=given['rate'])
    policy = ACTPolicy(config)
    before, after = make_act_pre_post_processors(config, {
        name: spread(each) for name, each in parts(obs).items()} | {
            'action': spread(actions[~absent])})
    begin = time.process_time()
    optimiser = config.get_optimizer_preset().build(policy.get_optim_params())
    policy.train()
    for _ in range(given['updates']):
        rows = torch.randint(len(obs), (given['batch'],))
        batch = before({**parts(obs[rows]), 'action': actions[rows].nan_to_num(),
                        'action_is_pad': absent[rows]})
        loss, _ = policy.forward(batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), _CLIP)
        optimiser.step()
    spent, good = time.process_time() - begin, 0
    with Worlds() as worlds:
        world = World(worlds, task)
        for seed in range(given['first'], given['first'] + given['episodes']):
            seen, _ = world.reset(seed=seed)
            policy.reset()
            success = truncated = False
            while not (success or truncated):
                action = after(policy.select_action(before(parts(torch.from_numpy(seen)[None]))))
                seen, _, success, truncated, _ = world.step(action[0].clamp(-1.0, 1.0).numpy())
            good += success
    used = sum(each.numel() for name, each in policy.named_parameters() if 'vae' not in name)
    print(json.dumps({'success': good, 'train_cpu_s': round(spent, 1), 'parameters': used}))


if __name__ == '__main__':
    main()
