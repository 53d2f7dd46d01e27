"""
Q-learning with a table, as in the textbook.

C. J. C. H. Watkins, "Learning from delayed rewards", 1989; R. S. Sutton and A. G. Barto,
"Reinforcement learning", 2nd edition, section 6.5:
``Q(s, a) += alpha * (r + gamma * max Q(s', .) - Q(s, a))``.
"""

from collections.abc import Callable
from dataclasses import dataclass
import math

import numpy as np
from safetensors.torch import save as to_safetensors
import torch
from torch import Tensor

from ilw_core.contract.file import Contract
from ilw_core.errors import NotFiniteError
from ilw_core.storage.files import write_file
from ilw_learner.algorithms.base import Algorithm
from ilw_learner.algorithms.q_learning.qtable_model import (
    Model,
    is_optimal,
    learn,
    reaching,
    value_iteration,
)
from ilw_learner.algorithms.q_learning.value_map import draw_values
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.networks.policy import Policy
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.training.loop import CandidateScore, Learner, TrainingLoop
from ilw_learner.training.options import (
    TrainConfig,
    TrainOptions,
    plain_values,
    provenance,
    scorer,
)
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary

MODEL = 'ilw_sim.batch.binned_model:make_model'
"""``module:function`` of the model that the table is learned in"""


@dataclass(frozen=True)
class QTableConfig(TrainConfig):
    """Hyper-parameters; ``config/train/qtable.yaml`` has the reasons."""

    alpha: float = 0.1
    """Learning rate"""
    gamma: float = 0.9
    """Discount per held action"""
    epsilon: float = 0.5
    """Chance of a random action while learning"""
    bins: tuple[int, ...] = (28, 28, 12)
    """Of x, y and heading"""
    hold: int = 5
    """Ticks for which an action is held while learning"""
    updates: int = 40_000_000
    """Single updates of the table"""
    horizon: int = 5
    """Actions per episode"""
    candidates: int = 20
    """Times along the way that the table is compared with the best there is"""
    eval_episodes: int = 200
    """Simulated episodes to score it"""

    def __post_init__(self) -> None:
        if len(self.bins) != 3 or min(*self.bins, self.hold, self.updates, self.horizon,
                                      self.candidates, self.eval_episodes) < 1:
            raise ValueError('bins must be three numbers; they and all counts at least 1.')
        if not (0.0 < self.alpha <= 1.0 and 0.0 < self.gamma < 1.0):
            raise ValueError('alpha must be within (0, 1], gamma within (0, 1).')


class TablePolicy(Policy):
    """
    The table's greedy action, as deployed: ``(B, 1, Do)`` poses to ``(B, 1, Da)``.

    :param actions: ``(S,)`` the action of each state.
    """

    def __init__(self, contract: Contract, model: Model, actions: np.ndarray) -> None:
        super().__init__()
        self.discrete = len(contract.action.discrete)
        names = contract.obs_names
        self._columns = [next(i for i, name in enumerate(names) if name.endswith(tail))
                         for tail in ('.x_m', '.y_m', '.yaw_sin', '.yaw_cos')]
        self._bins = model.shape
        for name, value in (('origin', model.origin), ('size', model.size),
                            ('table', contract.action.table)):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, dtype=np.float32)))
        self.register_buffer('actions', torch.as_tensor(actions, dtype=torch.int64))

    def act(self, obs: Tensor) -> Tensor:
        """Return the action of the bin that holds each pose."""
        x, y, sin, cos = (obs[:, 0, column] for column in self._columns)
        nx, ny, nyaw = self._bins
        ix = ((x - self.origin[0]) / self.size[0]).floor().clamp(0, nx - 1).long()
        iy = ((y - self.origin[1]) / self.size[1]).floor().clamp(0, ny - 1).long()
        # An exported atan2(0, 0) is no number.
        cos = torch.where((sin == 0.0) & (cos == 0.0), 1.0, cos)
        turn = torch.atan2(sin, cos) * (nyaw / (2.0 * math.pi))
        bins = (turn + nyaw + 0.5).floor()  # within two turns; graphs do not divide whole numbers
        iyaw = torch.where(bins < nyaw, bins, bins - nyaw).long()
        state = (ix * ny + iy) * nyaw + iyaw
        return self.table[self.actions[state]].unsqueeze(1)


class TableLearner(Learner):
    """
    Drives in a model and improves a table; compares it with the best there is.

    :raises NotFiniteError: rewards of the model are NaN or infinite.
    """

    log_every = 1

    def __init__(self, model: Model, config: QTableConfig, seed: int, work: str) -> None:
        _require_finite(model.reward, 'The rewards of the model')
        self._model, self._config, self._seed, self.work = model, config, seed, work
        self._best_values = value_iteration(model, config.gamma)
        self._starts = np.flatnonzero(model.free)
        self.states = reaching(self._best_values, model)
        """(S,) bool: those from which the goal can be reached"""
        self._each = math.ceil(config.updates / config.candidates)
        self.planned = self._each * config.candidates
        self._round = 0
        self.q = np.zeros(self._best_values.shape)
        """(S, K)"""
        self.kept = self.q
        """The table that was best"""

    @property
    def done(self) -> int:
        """Single updates of the table."""
        return self._round * self._each

    def advance(self) -> None:
        """Drive for as many updates as there are between two candidates."""
        model, config = self._model, self._config
        learn(self.q, model.after, model.reward, model.ended, self._starts, config.alpha,
              config.gamma, config.epsilon, config.horizon, self._each,
              self._seed * config.candidates + self._round)
        self._round += 1

    def figures(self) -> dict[str, float]:
        """Return the largest error of a value that matters."""
        _require_finite(self.q, f'The values of the table after {self.done} updates')
        return {'eval/value_error': self.value_error(self.q)}

    def value_error(self, q: np.ndarray) -> float:
        """Return the largest difference to the best policy's values."""
        return float(np.abs(q - self._best_values)[self.states].max())

    def optimal_states(self, q: np.ndarray) -> int:
        """Return in how many states the greedy action is one of the best."""
        return int(is_optimal(q, self._best_values, self.states).sum())

    def judge(self) -> CandidateScore:
        """Compare the table with the best there is."""
        optimal = self.optimal_states(self.q) / int(self.states.sum())
        return CandidateScore((optimal, -self.value_error(self.q)),
                              {'eval/optimal_ratio': optimal}, optimal)

    def keep(self) -> None:
        """Remember the table as it is."""
        self.kept = self.q.copy()

    def state(self) -> dict[str, Tensor]:
        """Return both tables."""
        return {'q': torch.from_numpy(self.q), 'kept': torch.from_numpy(self.kept),
                'round': torch.tensor(self._round)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""
        self.q[:] = state['q'].numpy()
        self.kept = state['kept'].numpy().copy()
        self._round = int(state['round'])


def train(options: TrainOptions, on_progress: Callable[[Progress], bool]) -> TrainSummary:
    """
    Learn a table in the binned model of the contract's world.

    :raises IlwError: the contract has no named actions, or no fixed world.
    :raises NotFiniteError: rewards or values are NaN or infinite; nothing is saved then.
    """
    contract, config = options.contract, options.config
    assert isinstance(config, QTableConfig)
    model: Model = make_env(MODEL, contract, bins=config.bins, hold=config.hold)
    learner = TableLearner(model, config, options.seed,
                           f'{contract.hash} {config} {options.seed}')
    loop = TrainingLoop(learner, options.out, candidates=config.candidates, track=options.track,
                on_progress=on_progress)
    loop.resume(options.say)
    loop.fit()
    q, states = learner.kept, int(learner.states.sum())
    optimal = learner.optimal_states(q)
    draw_values(q, model, options.out / 'values.png', contract.goal_radius_m)
    actions = np.where(model.free, q.argmax(1), _stop(contract))
    policy = TablePolicy(contract, model, actions).eval()
    checkpoint = save_checkpoint(options.out / 'checkpoint', contract, {
        'algorithm': options.algorithm, 'network': plain_values(config),
        'history': 1, 'horizon': 1, 'update': learner.done,
        'metrics': {'optimal_ratio': optimal / states}, 'provenance': provenance(options, ()),
    }, {'policy.onnx': to_onnx(policy, contract, 1),
        'weights.safetensors': to_safetensors(policy.state_dict())})
    score = scorer(options)
    success = score(checkpoint) if score else None
    write_file(options.out / 'contract.yaml', contract.text)
    return TrainSummary(
        checkpoint=str(checkpoint.path), task=contract.name, algorithm=options.algorithm,
        seed=options.seed, train_s=round(loop.train_s, 2), updates=learner.done,
        success=success[0] if success else None, episodes_eval=success[1] if success else 0,
        details={'states': states, 'optimal_states': optimal,
                 'value_error': learner.value_error(q)},
        lines=(f'{learner.done} updates, {loop.train_s:.0f} s.',
               f'optimal in {optimal} of {states} states from which the goal can be reached '
               f'(value iteration)')).write(options.out)


def _require_finite(values: np.ndarray, what: str) -> None:
    """Check a (S, K) table."""
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        state, action = wrong[0].tolist()
        raise NotFiniteError(f'{what} must be finite. Got {values[state, action]} in state '
                             f'{state}, action {action}. Look at the rewards of the contract.')


def _stop(contract: Contract) -> int:
    """Return the action nearest to standing still, for where the robot should not be."""
    action = contract.action
    return int(action.nearest(np.zeros((1, action.dim)))[0])


QTABLE = Algorithm(QTableConfig, train, obeys_at_once=True)
