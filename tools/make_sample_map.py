"""Draw the map that config/tasks/office.yaml drives in, as a SLAM node would have saved it."""

import argparse
from pathlib import Path

import numpy as np

RESOLUTION_M = 0.05
SIZE_M = (12.0, 8.0)
FREE, UNKNOWN, OCCUPIED = 254, 205, 0  # the shades that map_saver writes
# x from, x to, y from, y to [m]. A wall is two cells thick; doors are 1.2 m wide.
ROOMS = ((0.5, 11.5, 0.5, 7.5),)
WALLS = (
    (0.4, 11.6, 0.4, 0.5), (0.4, 11.6, 7.5, 7.6), (0.4, 0.5, 0.4, 7.6), (11.5, 11.6, 0.4, 7.6),
    (0.5, 2.0, 3.0, 3.1), (3.2, 6.0, 3.0, 3.1), (7.2, 11.5, 3.0, 3.1),
    (0.5, 6.6, 4.8, 4.9), (7.8, 11.5, 4.8, 4.9),
    (4.4, 4.5, 0.5, 3.0), (5.6, 5.7, 4.9, 5.6), (5.6, 5.7, 6.8, 7.5),
)
FURNITURE = ((1.0, 2.4, 0.5, 1.2), (9.2, 10.2, 1.2, 2.0), (2.0, 3.4, 6.0, 6.7),
             (8.6, 9.4, 6.3, 7.5))
HIDDEN = ((10.6, 11.5, 6.6, 7.5),)  # a corner that the lidar never saw


def draw() -> np.ndarray:
    """Return the picture, (H, W) uint8, top row first."""
    columns, rows = (round(side / RESOLUTION_M) for side in SIZE_M)
    shade = np.full((rows, columns), UNKNOWN, dtype=np.uint8)
    for areas, value in ((ROOMS, FREE), (HIDDEN, UNKNOWN), (WALLS, OCCUPIED),
                         (FURNITURE, OCCUPIED)):
        for area in areas:
            left, right, low, high = (round(v / RESOLUTION_M) for v in area)
            shade[low:high, left:right] = value
    return shade[::-1]


def main() -> None:
    """Write office.yaml and office.pgm into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, nargs='?', default=Path('config/maps'))
    folder = parser.parse_args().folder
    shade = draw()
    header = f'P5\n# made by tools/make_sample_map.py\n{shade.shape[1]} {shade.shape[0]}\n255\n'
    (folder / 'office.pgm').write_bytes(header.encode() + shade.tobytes())
    (folder / 'office.yaml').write_text(
        'image: office.pgm\nmode: trinary\n'
        f'resolution: {RESOLUTION_M}\norigin: [-1.0, -2.0, 0.0]\nnegate: 0\n'
        'occupied_thresh: 0.65\nfree_thresh: 0.25\n')


if __name__ == '__main__':
    main()
