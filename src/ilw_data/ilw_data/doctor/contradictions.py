"""
Were different things done where the same was seen? A policy can only learn the middle of them.

States are near-identical when they are closer, in observations scaled to unit spread, than two
successive ticks usually are, and than a quarter of what two states at random are apart. What was
done at each, around that tick, is held against the middle of what was done at its nearest
neighbours from elsewhere; how often they differ, against how often states picked at random do.
"""

import numpy as np

from ilw_core.contract.file import Contract
from ilw_data.doctor.finding import Demos, Finding, Take

_MAX_STATES = 8000
"""More are thinned out: distances between all of these take a second"""
_NEAR = 0.25
_NEIGHBOURS = 5
_ELSEWHERE_S = 2.0
"""Ticks of one episode nearer in time are the same visit"""
_FAR = 0.5
"""Actions differ when by more than this part of what is used of an action's range"""
_ENOUGH = 30
"""States with a neighbour, to judge"""
_OFTEN, _MOSTLY = 0.3, 0.8
"""
Parts of what chance would give. The scripted expert in the maze, which steers left and right of
its way, comes to 0.18; with the turns of every second episode mirrored, to 0.36
"""
_APART, _APART_RATIO = 3.0, 0.2
"""An episode stands out that contradicts so many times as often as the others, and so often"""
_AROUND = 3
"""Ticks of actions averaged: when exactly a turn begins is no contradiction"""
_RANDOM = 20_000
_ROWS = 1000


def check_set(demos: Demos) -> list[Finding]:
    """Return how often actions contradict, and in which episode most."""
    if demos.contract.images:  # near-identical numbers are no near-identical state then
        return []
    obs, actions, episode, ticks = _states(demos.takes)
    if len(obs) < _ENOUGH:
        return []
    near, apart, chance = _compare(obs, actions, episode, ticks, demos)
    judged = int(near.sum())
    if judged < _ENOUGH or not chance:
        return []
    ratio = float(apart[near].mean())
    found = []
    for number, take in enumerate(demos.takes):
        mine, others = near & (episode == number), near & (episode != number)
        if mine.sum() < _ENOUGH or not others.any():
            continue
        own, rest = float(apart[mine].mean()), float(apart[others].mean())
        if own > _APART_RATIO and own > _APART * rest:
            found.append(Finding(
                'bad' if own > _MOSTLY * chance else 'warn', 'contradiction', take.name,
                f'in {own:.0%} of its {int(mine.sum())} states that others saw too, something '
                f'else was done (in the others: {rest:.0%}).',
                take.command('drop', '--why', 'contradicts the others'),
                {'contradicting_ratio': own, 'others_ratio': rest, 'states': int(mine.sum())}))
    if ratio > _OFTEN * chance and not found:
        found.append(Finding(
            'bad' if ratio > _MOSTLY * chance else 'warn', 'contradiction', '',
            f'in {ratio:.0%} of {judged} near-identical states actions differ by more than half '
            f'of their range (in states picked at random: {chance:.0%}): something that decides '
            f'is not observed, or demonstrations differ in style. Add it to the contract, or '
            f'record more of one style.', demos.command('up', 'record'),
            {'contradicting_ratio': ratio, 'random_ratio': chance, 'states': judged}))
    return found


def _states(takes: list[Take]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return whole states, what was done there, and which episode and tick they are."""
    rows = [np.flatnonzero(t.episode.whole[:-1] & t.episode.action_valid)
            for t in takes]
    step = max(1, -(-sum(map(len, rows)) // _MAX_STATES))
    rows = [each[::step] for each in rows]
    return (np.concatenate([t.episode.obs[r] for t, r in zip(takes, rows, strict=True)]),
            np.concatenate([_around(t.episode.actions)[r]
                            for t, r in zip(takes, rows, strict=True)]),
            np.concatenate([np.full(len(r), i) for i, r in enumerate(rows)]),
            np.concatenate(rows))


def _compare(obs: np.ndarray, actions: np.ndarray, episode: np.ndarray, ticks: np.ndarray,
             demos: Demos) -> tuple[np.ndarray, np.ndarray, float]:
    """
    Return which states have near-identical ones elsewhere, and which of them contradict those.

    :returns: ``(N,)`` bool, ``(N,)`` bool, and what part would contradict others at random.
    """
    contract = demos.contract
    spread = obs.std(axis=0)
    moving = spread > 1e-6
    scaled = (obs[:, moving] - obs[:, moving].mean(axis=0)) / spread[moving]
    scaled = scaled.astype(np.float32)
    rng = np.random.default_rng(0)
    ones = rng.integers(len(obs), size=_RANDOM)
    random_distance = np.median(np.linalg.norm(
        scaled[ones] - scaled[rng.integers(len(obs), size=_RANDOM)], axis=1))
    radius = min(_usual_step(demos.takes, moving, spread), _NEAR * float(random_distance))
    limit = _FAR * _used(actions, contract)
    apart_ticks = round(_ELSEWHERE_S * contract.rate_hz)
    squares = np.einsum('nd,nd->n', scaled, scaled)
    near, apart = np.zeros(len(obs), dtype=bool), np.zeros(len(obs), dtype=bool)
    few = min(_NEIGHBOURS, len(obs) - 1)
    for begin in range(0, len(obs), _ROWS):
        rows = slice(begin, begin + _ROWS)
        distance = squares[rows, None] + squares[None] - 2.0 * (scaled[rows] @ scaled.T)
        same = ((episode[rows, None] == episode[None])
                & (np.abs(ticks[rows, None] - ticks[None]) < apart_ticks))
        distance[same] = np.inf
        nearest = np.argpartition(distance, few, axis=1)[:, :few]
        close = np.take_along_axis(distance, nearest, axis=1) <= radius ** 2
        near[rows] = close.any(axis=1)
        done = np.where(close[..., None], actions[nearest], np.nan)  # (n, k, Da)
        for row in np.flatnonzero(close.any(axis=1)):
            middle = np.nanmedian(done[row], axis=0)
            apart[begin + row] = np.any(np.abs(actions[begin + row] - middle) > limit)
    others = np.median(actions[rng.integers(len(obs), size=(_RANDOM, few))], axis=1)
    chance = (np.abs(actions[ones] - others) > limit).any(axis=1).mean()
    return near, apart, float(chance)


def _around(actions: np.ndarray) -> np.ndarray:
    """Return the mean of each action and its neighbours in time, ``(T, Da)``."""
    padded = np.pad(actions, ((_AROUND // 2, _AROUND // 2), (0, 0)), mode='edge')
    windows = np.lib.stride_tricks.sliding_window_view(padded, _AROUND, axis=0)
    return np.asarray(windows.mean(axis=-1))


def _usual_step(takes: list[Take], moving: np.ndarray, spread: np.ndarray) -> float:
    """Return how far a state usually is from the one a tick before, scaled."""
    steps = [np.linalg.norm(np.diff(t.episode.obs[:, moving], axis=0) / spread[moving], axis=1)
             [t.episode.whole[1:] & t.episode.whole[:-1]]
             for t in takes]
    each = np.concatenate(steps)
    each = each[each > 1e-6]
    return float(np.median(each)) if len(each) else 0.0


def _used(actions: np.ndarray, contract: Contract) -> np.ndarray:
    """Return what is used of each action's range, ``(Da,)``; unused ones contradict nobody."""
    low, high = np.percentile(actions, [5.0, 95.0], axis=0)
    span = contract.action.high - contract.action.low
    return np.where(high - low > 0.02 * span, high - low, np.inf)
