"""
Integrated gradients of the weights, checked by finite differences through the graph that drives.

M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", arXiv 1703.01365,
equation 1: along the straight way from an observation in which nothing is seen to the one of the
moment. What the entries get adds up to the difference of the actions (*completeness*).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ilw_learner.why.asked import Ask
from ilw_learner.why.torch_graph import TorchGraph

COMPLETE_RATIO = 0.02
"""A moment is walked in more steps until what is missing is below this part of the change"""
_FIRST_STEPS, _MOST_STEPS = 256, 16384
_FIRST_STEPS_OF_IMAGES, _MOST_STEPS_OF_IMAGES = 24, 96
_ROWS, _ROWS_OF_IMAGES = 2048, 48
"""Observations whose gradient is taken at once"""
CHECK_STEPS, CHECK_STEPS_OF_IMAGES = 128, 16
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
    pictures: dict[str, np.ndarray] = field(default_factory=dict)
    """Contract entry -> (M, Da, H, W) what each pixel adds, summed over colours and history"""


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
                         images: Mapping[str, np.ndarray] | None = None,
                         blank_images: Mapping[str, np.ndarray] | None = None) -> Attribution:
    """
    Return what each number of an observation adds to the action.

    :param model: the ONNX file's content; of choices, one that gives their scores.
    :param obs: ``(M, To, Do)``; ``blank``: ``(Do,)`` where nothing is seen.
    :param spans: ``(Da,)`` range of each action field.
    :param images: contract entry -> ``(M, To, H, W, C)`` uint8 of the moments; ``blank_images``:
        ``(H, W, C)`` where nothing is seen. With them the way has fewer steps.
    :raises GraphError: its gradient is not known.
    """
    graph, images, blank_images = TorchGraph(model), images or {}, blank_images or {}
    ends = [torch.as_tensor(each, dtype=torch.float64) for each in (obs, *images.values())]
    begins = [torch.as_tensor(each, dtype=torch.float64).expand_as(end) for each, end in zip(
        (blank, *(blank_images[name] for name in images)), ends, strict=True)]

    def act(obs: Tensor, *seen: Tensor) -> Tensor:
        return graph(obs, dict(zip(images, seen, strict=True)))[:, 0]

    with torch.no_grad():
        change = (act(*ends) - act(*begins)).numpy()  # (M, Da)
    large = np.abs(change) > _STILL_RATIO * spans
    found = [np.zeros((*change.shape, obs.shape[-1])), *(
        np.zeros((*change.shape, *each.shape[2:4])) for each in images.values())]
    ratio = np.full(change.shape, np.nan)
    steps, most = ((_FIRST_STEPS_OF_IMAGES, _MOST_STEPS_OF_IMAGES) if images
                   else (_FIRST_STEPS, _MOST_STEPS))
    rows = np.arange(len(obs))
    while len(rows):
        for whole, part in zip(found, _along(act, [each[rows] for each in begins], [
                each[rows] for each in ends], change.shape[1], steps), strict=True):
            whole[rows] = part
        gap = np.abs(sum(each.reshape(*change.shape, -1).sum(axis=2) for each in found) - change)
        ratio = np.where(large, gap / np.where(large, np.abs(change), 1.0), np.nan)
        rows = np.flatnonzero((large & (ratio > COMPLETE_RATIO)).any(axis=1))
        if steps >= most:
            break
        steps *= 4
    return Attribution(found[0], change, ratio, dict(zip(images, found[1:], strict=True)))


def _along(act: Callable[..., Tensor], begins: list[Tensor], ends: list[Tensor], fields: int,
           steps: int) -> list[np.ndarray]:
    """Return the parts by the midpoint rule: ``(M, Da, Do)``, and ``(M, Da, H, W)`` of images."""
    sums = [torch.zeros(fields, *end.shape, dtype=torch.float64) for end in ends]
    weights = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    at_once = _ROWS if len(ends) == 1 else _ROWS_OF_IMAGES
    for some in weights.split(max(1, at_once // len(ends[0]))):
        ways = [begin + (end - begin) * some.reshape(-1, *[1] * end.ndim)  # (S, M, To, ...)
                for begin, end in zip(begins, ends, strict=True)]
        at = [way.flatten(0, 1).requires_grad_() for way in ways]
        acted = act(*at).sum(dim=0)  # rows do not meet: the sum has each row's gradient
        for number in range(fields):
            slopes = torch.autograd.grad(acted[number], at, retain_graph=number + 1 < fields,
                                         allow_unused=True)
            for total, slope, way in zip(sums, slopes, ways, strict=True):
                if slope is not None:  # else a graph of images only
                    total[number] += slope.reshape(way.shape).sum(dim=0)
    found = []
    for total, begin, end in zip(sums, begins, ends, strict=True):
        parts = (total / steps * (end - begin)).sum(dim=2).transpose(0, 1)  # (M, Da, ...)
        found.append((parts.sum(dim=-1) if end.ndim > 3 else parts).numpy())
    return found


def way_of(images: np.ndarray, blank: np.ndarray, steps: int) -> np.ndarray:
    """
    Return images on the way of ``by_differences``, as the deployed graph takes them.

    :param images: ``(M, To, H, W, C)`` uint8; ``blank``: ``(H, W, C)``.
    :returns: ``(steps * M, To, H, W, C)`` uint8, rounded.
    """
    weight = ((np.arange(steps) + 0.5) / steps)[:, None, None, None, None, None]
    way = blank + (images.astype(np.float32) - blank) * weight.astype(np.float32)
    return np.rint(way).astype(np.uint8).reshape(-1, *images.shape[1:])


def by_differences(ask: Ask, obs: np.ndarray, blank: np.ndarray, scale: np.ndarray,
                   steps: int = CHECK_STEPS) -> np.ndarray:
    """
    Return the same parts without any gradient: central differences through the deployed graph.

    :param ask: where there are images, bound to their ``way_of`` as many steps.
    :param scale: ``(Do,)`` spread of each number; a thousandth of it is the step.
    :returns: ``(M, Da, Do)``.
    """
    moments, history, width = obs.shape
    begin = np.broadcast_to(blank, obs.shape)
    weight = ((np.arange(steps) + 0.5) / steps)[:, None, None, None]
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
            mean = slope.reshape(steps, moments, -1).mean(axis=0)
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
