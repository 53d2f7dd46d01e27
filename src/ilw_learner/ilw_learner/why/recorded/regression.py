"""
How much of one quantity others tell, judged on episodes that were not fitted.

Ridge regression on the values and on random features of them (A. Rahimi, B. Recht, "Random
features for large-scale kernel machines", 2007; here rectified ones). In torch, whose threads
``training_math`` keeps to one: NumPy's wait for each other 50 times longer than they compute.
"""

import numpy as np
import torch
from torch import Tensor

_FEATURES = 96
_RIDGES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Chosen from by the error on a fold that is not the judged one"""
FOLDS = 4


def squared_errors(x: np.ndarray, y: np.ndarray, episode: np.ndarray, *, seed: int = 0,
                   ) -> np.ndarray:
    """
    Return the squared error of each row, predicted from episodes that it is not of.

    :param x: ``(N, D)``, D may be 0; ``y``: ``(N, K)``; ``episode``: ``(N,)`` numbers.
    :returns: ``(N, K)`` in parts of the variance of ``y``: 1 where ``x`` tells nothing.
    """
    rng = np.random.default_rng(seed)
    names = rng.permutation(np.unique(episode))
    fold = np.empty(len(y), dtype=np.int64)
    for number, name in enumerate(names):
        fold[episode == name] = number % FOLDS
    if len(names) < FOLDS:  # too few are cut into stretches
        fold = np.arange(len(y)) * FOLDS // max(1, len(y))
    wide, wanted = _features(x, rng), torch.as_tensor(y, dtype=torch.float64)
    parts = [(wide[rows], wanted[rows]) for rows in (
        torch.as_tensor(np.flatnonzero(fold == part)) for part in range(FOLDS))]
    grams, sides = (torch.stack(each) for each in zip(
        *((a.T @ a, a.T @ b) for a, b in parts), strict=True))
    errors = np.empty(y.shape)
    for part, (a, b) in enumerate(parts):
        judge = (part + 1) % FOLDS
        gram, side = grams.sum(dim=0) - grams[part], sides.sum(dim=0) - sides[part]
        judged = [_error(*parts[judge], _weights(gram - grams[judge], side - sides[judge], ridge))
                  for ridge in _RIDGES]
        best = _RIDGES[int(np.argmin([float(each.sum()) for each in judged]))]
        errors[fold == part] = _error(a, b, _weights(gram, side, best)).numpy()
    scaled: np.ndarray = errors / np.maximum(y.var(axis=0), 1e-12)
    return scaled


def told(errors: np.ndarray) -> float:
    """Return the part of the variance that is told, R², within [0, 1]; mean over columns."""
    return float(np.clip(1.0 - errors.mean(), 0.0, 1.0))


def _features(x: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Return ``(N, 1 + D + F)`` of ``(N, D)`` values."""
    spread = x.std(axis=0)
    z = torch.as_tensor((x - x.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0),
                        dtype=torch.float64)
    one = torch.ones(len(x), 1, dtype=torch.float64)
    if not x.shape[1]:
        return one
    mixed = z @ torch.as_tensor(
        rng.standard_normal((x.shape[1], _FEATURES)) / np.sqrt(x.shape[1]))
    shift = torch.as_tensor(rng.uniform(-1, 1, _FEATURES))
    return torch.cat([one, z, (mixed + shift).relu()], dim=1)


def _weights(gram: Tensor, side: Tensor, ridge: float) -> Tensor:
    """Return the weights of features, of which the first is 1 and free of the ridge."""
    count = max(1.0, float(gram[0, 0]))
    more = torch.full((len(gram),), ridge * count, dtype=torch.float64)
    more[0] = 1e-9 * count
    return torch.linalg.solve(gram + torch.diag(more), side)


def _error(features: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    return (wanted - features @ weights).square()
