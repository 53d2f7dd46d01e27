"""Which windows a batch is made of: a fixed share from each part of the data, in random order."""

from collections.abc import Sequence
import math

import torch
from torch import Tensor


def shared_batch(batch: int, ratio: float) -> tuple[int, int]:
    """
    Return how many windows of a batch are new and how many old.

    :param ratio: least share of the old ones, within [0, 1).
    :raises ValueError: that leaves no new ones, or is no share.
    """
    old = math.ceil(batch * ratio - 1e-9)  # a product of floats may be a little too large
    if not 0.0 <= ratio < 1.0 or old >= batch:
        raise ValueError(f'A batch of {batch} cannot have {ratio} of it from before and new '
                         f'windows beside. Raise batch, or lower the share.')
    return batch - old, old


def equal_shares(batch: int, parts: int) -> tuple[int, ...]:
    """
    Return how many windows of a batch come from each of so many parts: as many, or one more.

    :raises ValueError: there is not one for each.
    """
    if batch < parts:
        raise ValueError(f'A batch of {batch} has no window of each of {parts} tasks. Raise '
                         f'batch.')
    return tuple(batch // parts + (part < batch % parts) for part in range(parts))


class MixedRows:
    """
    Row numbers of batches of data that lies part after part.

    Every batch has the same number of rows from each part; a part is gone through whole, in a new
    order each time, before a row of it comes again.

    :param sizes: rows of each part; those of the second begin where the first ends.
    :param counts: how many rows of each a batch has.
    :raises ValueError: a part that rows are wanted of is empty.
    """

    def __init__(self, sizes: Sequence[int], counts: Sequence[int],
                 rng: torch.Generator) -> None:
        if any(count and not size for size, count in zip(sizes, counts, strict=True)):
            raise ValueError(f'Batches of {list(counts)} rows need parts that have some. Got '
                             f'{list(sizes)}.')
        self._counts, self._rng, device = tuple(counts), rng, rng.device
        begins = [sum(sizes[:part]) for part in range(len(sizes))]
        self._parts = list(zip(begins, sizes, strict=True))
        self._orders = [torch.empty(0, dtype=torch.int64, device=device) for _ in sizes]
        """Of each part: rows that have not come yet in this pass"""

    def next(self) -> Tensor:
        """Return the rows of the next batch, (B,) int64 on the generator's device."""
        drawn = [self._draw(part, count) for part, count in enumerate(self._counts)]
        return drawn[0] if len(drawn) == 1 else torch.cat(drawn)

    def _draw(self, part: int, count: int) -> Tensor:
        order, (begin, size) = self._orders[part], self._parts[part]
        if count > len(order):
            fresh = begin + torch.randperm(size, generator=self._rng, device=self._rng.device)
            order = torch.cat([order, fresh])
            while len(order) < count:
                order = torch.cat([order, fresh])
        rows, self._orders[part] = order[:count], order[count:]
        return rows

    def state(self) -> dict[str, Tensor]:
        """Return what it takes to go on, beside the generator."""
        return {f'order.{part}': order for part, order in enumerate(self._orders)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""
        self._orders = [state[f'order.{part}'].to(self._rng.device)
                        for part in range(len(self._parts))]
