"""
Meta-World's tasks over stdin and stdout, a line of JSON each: runs where bench/setup put it.

``{"task": "reach-v3", "seed": 7}`` begins an episode with the start and goal that the seed draws,
``{"action": [x, y, z, grip]}`` makes a step. The answer has what is observed (39 numbers, the goal
among them), what the task's scripted expert would do (4), and whether the step succeeded.
"""

import json
import sys
import warnings

from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.policies import ENV_POLICY_MAP
import numpy as np

warnings.simplefilter('ignore')  # experts ask for more than 1, which the environment clips


def made(task: str) -> object:
    """Return a task's environment, whose goal is observed and follows the seed, as in MT1."""
    env = ALL_V3_ENVIRONMENTS[task]()
    env._partially_observable = False
    env.__dict__.pop('sawyer_observation_space', None)  # it kept the goal at zero
    env._freeze_rand_vec, env.seeded_rand_vec, env._set_task_called = False, True, True
    return env


def main() -> None:
    """Answer until the input ends."""
    envs, experts = {}, {task: policy() for task, policy in ENV_POLICY_MAP.items()}
    for line in sys.stdin:
        asked = json.loads(line)
        if 'task' in asked:
            task = asked['task']
            if task not in envs:
                envs[task] = made(task)
            env = envs[task]
            env.seed(asked['seed'])
            obs, _ = env.reset()
            info, truncated = {'success': 0.0}, False
        else:
            obs, _, _, truncated, info = env.step(np.array(asked['action'], np.float32))
        wanted = np.clip(experts[task].get_action(obs), -1.0, 1.0)
        print(json.dumps({'obs': obs.tolist(), 'expert': wanted.tolist(),
                          'success': bool(info['success']), 'truncated': truncated}), flush=True)


if __name__ == '__main__':
    main()
