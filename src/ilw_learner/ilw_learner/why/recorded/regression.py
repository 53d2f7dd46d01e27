"""
How much of one quantity others tell, judged on episodes that were not fitted.

Ridge regression on the values and on random features of them (A. Rahimi, B. Recht, "Random
features for large-scale kernel machines", 2007; here rectified ones): a second for thousands of
ticks.
"""

from collections.abc import Callable

import numpy as np

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
    for number, name in enumerate(names):  # one episode alone is cut into stretches
        fold[episode == name] = number % FOLDS
    if len(names) == 1:
        fold = np.arange(len(y)) * FOLDS // len(y)
    wide = _features(x, rng)
    errors = np.empty(y.shape)
    for part in range(FOLDS):
        test, judge = fold == part, fold == (part + 1) % FOLDS
        if test.any():
            rest = ~test & ~judge if (~test & ~judge).any() else ~test
            ridge = min(_RIDGES, key=lambda each: float(np.square(
                y[judge] - _fit(wide[rest], y[rest], each)(wide[judge])).sum()))
            errors[test] = (y[test] - _fit(wide[~test], y[~test], ridge)(wide[test])) ** 2
    spread = np.maximum(y.var(axis=0), 1e-12)
    scaled: np.ndarray = errors / spread
    return scaled


def told(errors: np.ndarray) -> float:
    """Return the part of the variance that is told, R², within [0, 1]; mean over columns."""
    return float(np.clip(1.0 - errors.mean(), 0.0, 1.0))


def _features(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return ``(N, 1 + D + F)`` of ``(N, D)`` values."""
    spread = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    one = np.ones((len(x), 1))
    if not x.shape[1]:
        return one
    mixed = z @ rng.standard_normal((x.shape[1], _FEATURES)) / np.sqrt(x.shape[1])
    return np.concatenate([one, z, np.maximum(mixed + rng.uniform(-1, 1, _FEATURES), 0.0)],
                          axis=1)


def _fit(a: np.ndarray, y: np.ndarray, ridge: float) -> Callable[[np.ndarray], np.ndarray]:
    mean = y.mean(axis=0)
    gram = a.T @ a
    gram[np.diag_indices_from(gram)] += ridge * len(a)
    weights = np.linalg.solve(gram, a.T @ (y - mean))
    return lambda other: other @ weights + mean
