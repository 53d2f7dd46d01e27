"""
Images that a policy sees, by camera: replaced whole or piece by piece, and told in a few numbers.

Occlusion as in ``occlusion.py``: a square of a picture becomes that of the mean picture, and the
deployed policy is asked again. It needs no gradient, so it checks the heat maps that have one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ilw_core.contract.file import Contract
from ilw_learner.why.asked import ManyAsked
from ilw_learner.why.inputs import NamedInput

MEAN_PICTURE = 'mean picture'
CELLS = 12
"""A picture is looked at in so many squares by so many"""
_COARSE = 6
"""So many by so many mean brightnesses tell of a picture what a regression is to know"""
_MATTERS_RATIO = 0.01
"""A picture no square of which moves an action by this part of its range says nothing"""
_OF_BLANK = 400

Images = Mapping[str, np.ndarray]
"""Contract entry -> (N, To, H, W, C) uint8"""


@dataclass(frozen=True)
class NamedPicture:
    """One entry of a contract's ``observation`` that is an image."""

    name: str
    shape: tuple[int, ...]
    """(H, W, C)"""
    blank: np.ndarray
    """(H, W, C) uint8, the mean picture: stands for it when it is not to be seen"""


@dataclass(frozen=True)
class HeatCheck:
    """Heat maps of the weights beside squares hidden from the file that drives."""

    pairs: int
    """Of moment, action field and camera whose squares move the action"""
    rank_correlation: float
    """Spearman's, of how much each square counts; mean over the pairs"""
    same_place_ratio: float
    """Of the pairs, those whose most telling squares touch or are one; 6 % would by chance"""


def named_pictures(contract: Contract, take: Callable[[np.ndarray], Images], count: int,
                   ) -> tuple[NamedPicture, ...]:
    """
    Return the images of a contract, with the mean of up to 400 of ``count`` moments.

    :param take: returns the images of some moments.
    """
    if not contract.images:
        return ()
    some = take(np.unique(np.linspace(0, count - 1, min(count, _OF_BLANK)).astype(np.int64)))
    return tuple(NamedPicture(source.name, source.feature.shape, np.rint(
        some[source.name][:, -1].mean(axis=0, dtype=np.float64)).astype(np.uint8))
        for source in contract.images)


def with_coarse_pictures(obs: np.ndarray, inputs: tuple[NamedInput, ...], images: Images,
                         ) -> tuple[np.ndarray, tuple[NamedInput, ...]]:
    """
    Return observations in which a picture stands as 36 mean brightnesses, and their inputs.

    :param obs: ``(N, To, Do)`` of the same moments.
    """
    parts, named, begin = [obs], list(inputs), obs.shape[-1]
    for name, each in images.items():
        grey = each.mean(axis=-1, dtype=np.float32)  # (N, To, H, W)
        values = _squares(grey, _COARSE).reshape(*obs.shape[:2], -1).astype(np.float32)
        parts.append(values)
        named.append(NamedInput(
            name, slice(begin, begin := begin + values.shape[-1]),
            tuple(f'{name}.brightness {k}' for k in range(values.shape[-1])),
            values.mean(axis=(0, 1)), MEAN_PICTURE))
    return np.concatenate(parts, axis=-1), tuple(named)


def square_changes(ask: ManyAsked, obs: np.ndarray, images: Images, given: NamedPicture,
                   ) -> np.ndarray:
    """
    Return how the action changes when each square of a picture is not seen.

    :param obs: ``(To, Do)`` of one moment; ``images``: ``(1, To, H, W, C)``.
    :returns: ``(Da, CELLS, CELLS)`` action without it minus action with it, contract units.
    """
    whole = images[given.name]
    hidden = np.repeat(whole, CELLS * CELLS, axis=0)
    for k, (rows, columns) in enumerate(_places(given.shape)):
        hidden[k, :, rows, columns] = given.blank[rows, columns]
    repeated = {name: np.repeat(each, len(hidden), axis=0) for name, each in images.items()}
    acted = ask.at({**repeated, given.name: hidden})(np.repeat(obs[None], len(hidden), axis=0))
    before = ask.at(images)(obs[None])
    found: np.ndarray = (acted - before).T.reshape(-1, CELLS, CELLS)
    return found


def in_squares(heat: np.ndarray) -> np.ndarray:
    """Return sums of a heat map ``(..., H, W)`` over squares, ``(..., CELLS, CELLS)``."""
    return np.stack([heat[..., rows, columns].sum(axis=(-2, -1))
                     for rows, columns in _places(heat.shape[-2:])], axis=-1).reshape(
        *heat.shape[:-2], CELLS, CELLS)


def heat_checked(heat: np.ndarray, hidden: np.ndarray, spans: np.ndarray) -> HeatCheck:
    """
    Compare two ways to see what counts in a picture.

    :param heat: ``(P, Da, CELLS, CELLS)`` by gradients; ``hidden``: by squares not seen.
    :param spans: ``(Da,)`` range of each action field.
    """
    ranks, near = [], []
    for one, other in zip(heat, hidden, strict=True):
        for field in np.flatnonzero(np.abs(other).max(axis=(1, 2)) > _MATTERS_RATIO * spans):
            first, second = np.abs(one[field]), np.abs(other[field])
            ranks.append(_rank_correlation(first.ravel(), second.ravel()))
            apart = np.subtract(np.unravel_index(first.argmax(), first.shape),
                                np.unravel_index(second.argmax(), second.shape))
            near.append(np.abs(apart).max() <= 1)
    if not ranks:
        return HeatCheck(0, 0.0, 0.0)
    return HeatCheck(len(ranks), float(np.mean(ranks)), float(np.mean(near)))


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    first, second = (np.argsort(np.argsort(each)).astype(float) for each in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


def _places(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Return rows and columns of each square of ``(H, W, ...)``, row by row."""
    rows, columns = (np.linspace(0, side, CELLS + 1).astype(int) for side in shape[:2])
    return [(slice(rows[i], rows[i + 1]), slice(columns[j], columns[j + 1]))
            for i in range(CELLS) for j in range(CELLS)]


def _squares(pictures: np.ndarray, cells: int) -> np.ndarray:
    """Return means ``(..., cells, cells)`` of ``(..., H, W)``."""
    rows, columns = (np.linspace(0, side, cells + 1).astype(int) for side in pictures.shape[-2:])
    return np.stack([np.stack([
        pictures[..., rows[i]:rows[i + 1], columns[j]:columns[j + 1]].mean(axis=(-2, -1))
        for j in range(cells)], axis=-1) for i in range(cells)], axis=-2)
