"""A maze of 10 x 10 cells as a table, its demonstrations, and what a found reward is worth."""

from dataclasses import dataclass

from irl_parts.known_maze import spearman
import numpy as np

from ilw_learner.rewards.maximum_causal_entropy import (
    FiniteWorld,
    best_actions,
    best_values,
    demonstrations_of,
    expected_visits,
    soft_values,
)

SIDE, HORIZON = 10, 80
_MOVES = ((1, 0), (-1, 0), (0, 1), (0, -1))
_LOOPS = 12
_SLIPS = 0.05


@dataclass(frozen=True)
class SmallMaze:
    """Cells, four moves, a goal that is never left; who is in it earns 1 per step."""

    world: FiniteWorld
    paid: np.ndarray
    """(S,) of being in a cell"""
    ways: list[np.ndarray]
    """Of each demonstration the cells it was in, (HORIZON + 1,)"""

    @property
    def features(self) -> np.ndarray:
        """Return (S, 2 + S): being in the goal, being elsewhere, being in each cell."""
        return np.column_stack([self.paid, 1.0 - self.paid, np.eye(len(self.paid))])


@dataclass(frozen=True)
class MazeWorth:
    """What a recovered reward gives back."""

    regained: float
    """Of what can be earned at most, by the recovered reward's best policy, over all cells"""
    rank: float
    """Spearman's coefficient of the cells: what they are worth under either reward"""
    mismatch: float
    """Largest difference of a cell's visits: demonstrated minus expected of the soft policy"""


def small_maze(seed: int, demonstrations: int) -> SmallMaze:
    """Return a maze and demonstrations by a driver who slips 5 % of the time."""
    rng = np.random.default_rng(seed)
    after = np.repeat(np.arange(SIDE * SIDE)[:, None], len(_MOVES), axis=1)

    def open_up(cell: int, move: int) -> int:
        x, y = cell // SIDE + _MOVES[move][0], cell % SIDE + _MOVES[move][1]
        after[cell, move] = x * SIDE + y
        after[x * SIDE + y, move ^ 1] = cell
        return x * SIDE + y

    def neighbours(cell: int) -> list[int]:
        return [k for k, (dx, dy) in enumerate(_MOVES)
                if 0 <= cell // SIDE + dx < SIDE and 0 <= cell % SIDE + dy < SIDE]

    seen, path = {0}, [0]
    while path:  # depth first: a tree through all cells, then a few walls less
        cell = path[-1]
        ahead = [k for k in neighbours(cell)
                 if cell + _MOVES[k][0] * SIDE + _MOVES[k][1] not in seen]
        if ahead:
            path.append(open_up(cell, int(rng.choice(ahead))))
            seen.add(path[-1])
        else:
            path.pop()
    for cell in rng.choice(SIDE * SIDE, _LOOPS, replace=False):
        open_up(int(cell), int(rng.choice(neighbours(int(cell)))))
    goal = int(rng.integers(SIDE * SIDE))
    after[goal] = goal
    world = FiniteWorld(after, np.zeros(SIDE * SIDE, dtype=bool), HORIZON)
    paid = (np.arange(SIDE * SIDE) == goal).astype(np.float64)
    best, ways = best_values(world, paid), []
    while len(ways) < demonstrations:
        way = [int(rng.integers(SIDE * SIDE))]
        while len(way) <= HORIZON:
            worth = (paid + best)[after[way[-1]]]
            good = np.flatnonzero(worth == worth.max())
            slip = rng.random() < _SLIPS
            way.append(int(after[way[-1], rng.integers(4) if slip else rng.choice(good)]))
        ways.append(np.array(way))
    return SmallMaze(world, paid, ways)


def worth_of(maze: SmallMaze, reward: np.ndarray) -> MazeWorth:
    """
    Hold a recovered reward to the known one.

    :param reward: (S,) of entering a cell.
    """
    world, states = maze.world, np.arange(len(maze.paid))
    here, earned = states, np.zeros(len(states))
    for choice in best_actions(world, reward):
        here = world.after[here, choice[here]]
        earned += maze.paid[here]
    best = best_values(world, maze.paid)
    shown = demonstrations_of(maze.ways, len(states))
    expected = expected_visits(world, reward, soft_values(world, reward), shown.starts)
    return MazeWorth(float(earned.sum() / best.sum()),
                     spearman(best_values(world, reward), best),
                     float(np.abs(expected - shown.entered).max()))
