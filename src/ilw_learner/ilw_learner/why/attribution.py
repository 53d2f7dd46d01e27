"""
Integrated gradients of the weights, checked by finite differences through the graph that drives.

M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", arXiv 1703.01365,
equation 1: along the straight way from an observation in which nothing is seen to the one of the
moment. What the entries get adds up to the difference of the actions (*completeness*).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ilw_learner.why.asked import Ask
from ilw_learner.why.torch_graph import TorchGraph

COMPLETE_RATIO = 0.02
"""A moment is walked in more steps until what is missing is below this part of the change"""
_FIRST_STEPS, _MOST_STEPS = 256, 16384
_ROWS = 2048
"""Observations whose gradient is taken at once"""
_CHECK_STEPS = 128
_STILL_RATIO = 0.01
"""An action that changes by less of its range is not attributed: its parts would be rounding"""


@dataclass(frozen=True)
class Attribution:
    """What each number of the observation adds to the action, for M moments."""

    parts: np.ndarray
    """(M, Da, Do) in the action's unit, summed over the history"""
    change: np.ndarray
    """(M, Da) action of the moment minus action where nothing is seen"""
    gap_ratio: np.ndarray
    """(M, Da) what ``parts`` lack of ``change``, as a part of it; NaN where it hardly changes"""


@dataclass(frozen=True)
class GradientCheck:
    """Integrated gradients beside finite differences through the file that drives."""

    moments: int
    """Pairs of moment and action field that were compared"""
    same_top3_ratio: float
    """Of them, those with the same three largest entries"""
    complete_ratio: float
    """Of them, those whose parts add up to the change within 2 %"""
    worst_gap_ratio: float


def integrated_gradients(model: bytes, obs: np.ndarray, blank: np.ndarray, spans: np.ndarray,
                         ) -> Attribution:
    """
    Return what each number of an observation adds to the action.

    :param model: the ONNX file's content; of choices, one that gives their scores.
    :param obs: ``(M, To, Do)``; ``blank``: ``(Do,)`` where nothing is seen.
    :param spans: ``(Da,)`` range of each action field.
    :raises GraphError: its gradient is not known.
    """
    graph = TorchGraph(model)
    end = torch.as_tensor(obs, dtype=torch.float64)
    begin = torch.as_tensor(blank, dtype=torch.float64).expand_as(end)
    with torch.no_grad():
        change = (graph(end)[:, 0] - graph(begin)[:, 0]).numpy()  # (M, Da)
    large = np.abs(change) > _STILL_RATIO * spans
    parts, ratio = np.zeros((*change.shape, obs.shape[-1])), np.full(change.shape, np.nan)
    rows, steps = np.arange(len(obs)), _FIRST_STEPS
    while len(rows):
        parts[rows] = _along(graph, begin[rows], end[rows], change.shape[1], steps)
        gap = np.abs(parts.sum(axis=2) - change)
        ratio = np.where(large, gap / np.where(large, np.abs(change), 1.0), np.nan)
        rows = np.flatnonzero((large & (ratio > COMPLETE_RATIO)).any(axis=1))
        if steps >= _MOST_STEPS:
            break
        steps *= 4
    return Attribution(parts, change, ratio)


def _along(graph: TorchGraph, begin: Tensor, end: Tensor, fields: int, steps: int) -> np.ndarray:
    """Return the parts by the midpoint rule, ``(M, Da, Do)``."""
    sums = torch.zeros(fields, *end.shape, dtype=torch.float64)
    weights = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    for some in weights.split(max(1, _ROWS // len(end))):
        way = begin + (end - begin) * some.reshape(-1, 1, 1, 1)  # (S, M, To, Do)
        at = way.flatten(0, 1).requires_grad_()
        acted = graph(at)[:, 0].sum(dim=0)  # rows do not meet: the sum has each row's gradient
        for field in range(fields):
            slope = torch.autograd.grad(acted[field], at, retain_graph=field + 1 < fields)[0]
            sums[field] += slope.reshape(way.shape).sum(dim=0)
    parts: Tensor = sums / steps * (end - begin)  # (Da, M, To, Do)
    return parts.sum(dim=2).transpose(0, 1).numpy()


def by_differences(ask: Ask, obs: np.ndarray, blank: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """
    Return the same parts without any gradient: central differences through the deployed graph.

    :param scale: ``(Do,)`` spread of each number; a thousandth of it is the step.
    :returns: ``(M, Da, Do)``.
    """
    moments, history, width = obs.shape
    begin = np.broadcast_to(blank, obs.shape)
    weight = ((np.arange(_CHECK_STEPS) + 0.5) / _CHECK_STEPS)[:, None, None, None]
    way = (begin + (obs - begin) * weight).reshape(-1, history, width)
    parts = []
    for t in range(history):
        for k in range(width):
            step = 1e-3 * float(scale[k])
            up, down = way.copy(), way.copy()
            up[:, t, k] += step
            down[:, t, k] -= step
            apart = up[:, t, k].astype(np.float64) - down[:, t, k]
            slope = (ask(up) - ask(down)) / apart[:, None]  # (steps * M, Da)
            mean = slope.reshape(_CHECK_STEPS, moments, -1).mean(axis=0)
            parts.append(mean * (obs[:, t, k] - begin[:, t, k])[:, None])
    found = np.array(parts).reshape(history, width, moments, -1).sum(axis=0)
    return found.transpose(1, 2, 0)


def checked(found: Attribution, other: np.ndarray) -> GradientCheck:
    """
    Compare parts of moments at which the action changes.

    :param other: ``(M, Da, Do)`` parts found in another way.
    """
    same, gaps = [], []
    for m, f in np.argwhere(np.isfinite(found.gap_ratio)):
        first, second = (set(np.argsort(-np.abs(parts[m, f]))[:3].tolist())
                         for parts in (found.parts, other))
        same.append(first == second)
        gaps.append(found.gap_ratio[m, f])
    if not same:
        return GradientCheck(0, 1.0, 1.0, 0.0)
    return GradientCheck(len(same), float(np.mean(same)),
                         float(np.mean(np.array(gaps) <= COMPLETE_RATIO)), float(np.max(gaps)))
