"""Cover cells by few rectangles: walls of a map as boxes. Numbers only."""

import numpy as np


def cover(cells: np.ndarray) -> list[tuple[int, int, int, int]]:
    """
    Return rectangles whose union is exactly the cells that are true; they may overlap.

    Greedy: the first cell that is not covered yet begins the larger of two rectangles, the widest
    or the highest one that it is the corner of.

    :param cells: ``(H, W)`` bool.
    :returns: (row, column, rows, columns) each.
    """
    wide, high = _runs(cells), _runs(cells.T).T
    covered = np.zeros_like(cells)
    found = []
    for row, column in np.argwhere(cells).tolist():
        if covered[row, column]:
            continue
        across, up = int(wide[row, column]), int(high[row, column])
        choices = ((int(high[row, column:column + across].min()), across),
                   (up, int(wide[row:row + up, column].min())))
        rows, columns = max(choices, key=lambda size: int(
            (~covered[row:row + size[0], column:column + size[1]]).sum()))
        covered[row:row + rows, column:column + columns] = True
        found.append((row, column, rows, columns))
    return found


def _runs(cells: np.ndarray) -> np.ndarray:
    """Return how many true cells follow in each row from each cell on, itself included."""
    lengths = np.zeros(cells.shape, dtype=np.int32)
    run = np.zeros(cells.shape[0], dtype=np.int32)
    for column in range(cells.shape[1] - 1, -1, -1):
        run = np.where(cells[:, column], run + 1, 0)
        lengths[:, column] = run
    return lengths
