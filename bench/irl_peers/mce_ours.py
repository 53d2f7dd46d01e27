"""Maximum causal entropy as ILW does it: mce_ours.py MAZE.npz."""

import sys

from clocked import report
import numpy as np

from ilw_learner.rewards.maximum_causal_entropy import (
    FiniteWorld,
    demonstrations_of,
    recover_weights,
)

data = np.load(sys.argv[1])
states = len(data['after'])
world = FiniteWorld(data['after'], np.zeros(states, dtype=bool), data['ways'].shape[1] - 1)
features = data['features']
# As binned_maze.py has it: nearly free of what is named, a place differs only where it must.
prior = np.repeat([1e-6, 0.1], [features.shape[1] - states, states])
# What is compiled at the first call, or read from numba's cache, is not what is measured.
recover_weights(world, features, demonstrations_of(list(data['ways'][:1]), states), prior,
                most_steps=1)
report(lambda: recover_weights(world, features, demonstrations_of(list(data['ways']), states),
                               prior, most_steps=1000),
       lambda found: {'reward': (features @ found.weights).tolist(),
                      'rounds': found.found.evaluations})
