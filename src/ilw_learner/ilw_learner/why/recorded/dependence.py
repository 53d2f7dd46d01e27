"""
What the expert's action depends on: from interventions where there are some, else from the data.

In the data a dependence is what an input tells of the action that all others do not (a partial
correlation that need not be linear). Two inputs that tell each other share what they tell: which
of them the expert looks at, no recording can say (P. de Haan, D. Jayaraman, S. Levine, "Causal
confusion in imitation learning", arXiv 1905.11979).
"""

from dataclasses import dataclass

import numpy as np

from ilw_learner.why.inputs import NamedInput
from ilw_learner.why.recorded.regression import squared_errors, told

LAST_ACTION, TIME = 'last action', 'time'
_ALIKE = 0.9
"""R² from which on two quantities count as one"""
_DRAWS = 200


@dataclass(frozen=True)
class Dependence:
    """Whether the expert's action depends on one quantity."""

    quantity: str
    """An input, ``last action`` or ``time``"""
    alone: float
    """R² of the action from it alone, on episodes that were not fitted"""
    partial: float
    """Of what all other inputs leave open, the part that it tells"""
    partial95: tuple[float, float]
    """Interval over episodes, by bootstrap; not clipped, so that it can hold 0"""
    like: tuple[str, ...]
    """Quantities that tell it, or that it tells (R² of 0.9 or more): not told apart from it"""
    done: float | None = None
    """Change of the expert's action when it was changed in the simulator, as a part of the range;
    ``None``: it was not"""

    @property
    def depends(self) -> bool:
        """Return what the stronger evidence says: an intervention, else the interval."""
        return self.done > 0.01 if self.done is not None else self.partial95[0] > 0.01


def dependences(obs: np.ndarray, actions: np.ndarray, previous: np.ndarray, tick: np.ndarray,
                episode: np.ndarray, inputs: tuple[NamedInput, ...],
                done: dict[str, float]) -> tuple[Dependence, ...]:
    """
    Look at every input, the last action and time.

    :param obs: ``(N, To, Do)``, ``actions`` and ``previous``: ``(N, Da)``; NaN: not known.
    :param done: quantity -> how the expert's action changed when it was changed.
    """
    known = np.isfinite(previous).all(axis=1)
    episode, target = episode[known], actions[known]
    columns = {each.name: obs[known][..., each.columns].reshape(int(known.sum()), -1)
               for each in inputs}
    extra = {LAST_ACTION: previous[known], TIME: tick[known, None].astype(float)}
    everything = columns | extra
    tells = {(one, other): told(squared_errors(everything[one], everything[other], episode))
             for one in everything for other in everything if one != other}
    found = []
    for name, values in everything.items():
        others = [each for other, each in columns.items() if other != name]
        rest = np.concatenate([np.empty((len(target), 0)), *others], axis=1)
        without = squared_errors(rest, target, episode).mean(axis=1)
        within = squared_errors(np.concatenate([rest, values], axis=1), target,
                                episode).mean(axis=1)
        partial, interval = _partial(without, within, episode)
        found.append(Dependence(
            name, told(squared_errors(values, target, episode)), partial, interval,
            tuple(other for other in everything if other != name
                  and max(tells[name, other], tells[other, name]) >= _ALIKE), done.get(name)))
    return tuple(found)


def _partial(without: np.ndarray, within: np.ndarray, episode: np.ndarray,
             ) -> tuple[float, tuple[float, float]]:
    names, index = np.unique(episode, return_inverse=True)
    one, other = np.bincount(index, without), np.bincount(index, within)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(names), size=(_DRAWS, len(names)))
    drawn = 1.0 - other[rows].sum(axis=1) / np.maximum(one[rows].sum(axis=1), 1e-12)
    low, high = np.percentile(drawn, [2.5, 97.5])
    whole = 1.0 - other.sum() / max(one.sum(), 1e-12)
    return max(0.0, float(whole)), (float(low), float(high))
