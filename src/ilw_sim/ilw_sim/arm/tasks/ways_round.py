"""Ways of a round tool around a block in the plane: it keeps off its outline, corner by corner."""

import numpy as np


class WaysRound:
    """
    Shortest ways around a polygon, in its frame.

    :param outline_m: ``(C, 2)`` its corners, anticlockwise.
    :param off_m: so far off it the ways lead.
    :param places_m: ``(N, 2)`` places beside it that ways lead to.
    """

    def __init__(self, outline_m: np.ndarray, off_m: float, places_m: np.ndarray) -> None:
        self._outline, self.off_m = outline_m, off_m
        self._edges = np.roll(outline_m, -1, axis=0) - outline_m
        unit = self._edges / np.linalg.norm(self._edges, axis=1, keepdims=True)
        self._outwards = np.stack([unit[:, 1], -unit[:, 0]], axis=1)
        corners = self._corners()
        self._nodes = np.concatenate([corners, places_m])
        self._places = len(corners)
        self._far = self._shortest()
        self.between_m = self._far[self._places:, self._places:]
        """(N, N) between the places"""

    def nearest(self, at_m: np.ndarray) -> tuple[float, np.ndarray]:
        """
        Return how far a point is off the outline, and the unit way ``(2,)`` out.

        :param at_m: ``(2,)``; within the outline it is off by less than 0.
        """
        part = ((at_m - self._outline) * self._edges).sum(axis=1) / (self._edges ** 2).sum(axis=1)
        off = at_m - (self._outline + np.clip(part, 0.0, 1.0)[:, None] * self._edges)
        far = np.linalg.norm(off, axis=1)
        best = int(np.argmin(far))
        if self._inside(at_m):
            return -float(far[best]), self._outwards[best]
        if far[best] < 1e-9:
            return 0.0, self._outwards[best]
        return float(far[best]), off[best] / far[best]

    def ways_m(self, at_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Return how far each place is ``(N,)``, and where to go first for it ``(N, 2)``.

        :param at_m: ``(2,)``; nearer to the outline than allowed, it leads straight away from it.
        """
        begin = at_m
        for _ in range(3):  # off one wall of an inner corner, then off the other
            far, out = self.nearest(begin)
            begin = begin + max(0.0, 1.0001 * self.off_m - far) * out
        seen = self._clear(begin[None], self._nodes)[0]
        step = np.where(seen, np.linalg.norm(self._nodes - begin, axis=1), np.inf)
        total = step[:, None] + self._far[:, self._places:]  # (nodes, N)
        first = total.argmin(axis=0)
        return (total.min(axis=0) + np.linalg.norm(begin - at_m), self._nodes[first])

    def _corners(self) -> np.ndarray:
        """Return where ways turn, off the corners that stick out; the others nobody turns at."""
        found = []
        for k, corner in enumerate(self._outline):
            before, after = self._edges[k - 1], self._edges[k]
            if before[0] * after[1] - before[1] * after[0] > 0.0:
                found.append(corner + 1.001 * self.off_m
                             * (self._outwards[k - 1] + self._outwards[k]))
        return np.array(found)

    def _shortest(self) -> np.ndarray:
        """Return the lengths of the shortest ways between all nodes (Floyd and Warshall)."""
        nodes = self._nodes
        length = np.linalg.norm(nodes[:, None] - nodes, axis=2)
        far = np.where(self._clear(nodes, nodes), length, np.inf)
        np.fill_diagonal(far, 0.0)
        for k in range(len(nodes)):
            far = np.minimum(far, far[:, k, None] + far[k])
        return far

    def _clear(self, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Tell which straight ways keep off the outline, ``(B, E)``: by points on them."""
        part = np.linspace(0.0, 1.0, 33)[:, None]
        points = begins[:, None, None] + part * (ends[None, :, None] - begins[:, None, None])
        rel = points[..., None, :] - self._outline  # (B, E, P, C, 2)
        along = (rel * self._edges).sum(axis=-1) / (self._edges ** 2).sum(axis=1)
        off = rel - np.clip(along, 0.0, 1.0)[..., None] * self._edges
        near = (off ** 2).sum(axis=-1).min(axis=(-2, -1))
        clear: np.ndarray = near >= (0.99 * self.off_m) ** 2
        return clear

    def _inside(self, at_m: np.ndarray) -> bool:
        """Tell whether a point is within the outline, by how often a ray crosses it."""
        (x, y), a, b = at_m, self._outline, self._outline + self._edges
        crosses = (a[:, 1] > y) != (b[:, 1] > y)
        with np.errstate(divide='ignore', invalid='ignore'):
            at_x = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
        return bool((crosses & (x < at_x)).sum() % 2)
