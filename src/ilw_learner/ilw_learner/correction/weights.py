"""
How much each step of an episode counts as a label, by who drove.

``person``: M. Kelly et al., "HG-DAgger: Interactive imitation learning with human experts", 2019
(arXiv 1810.02890): where a policy drove, only what the person drove is a label.

``weighted``: H. Liu et al., "Robot learning on the job: Human-in-the-loop autonomy and learning
during deployment" (Sirius), 2023 (arXiv 2211.08416), section IV-B: every step is a label;
interventions get half of the weight, the moments before one, which led into trouble, none.

An attempt that failed holds what the person drove before: with both that is a label, but for what
the person drove last, to the end or to a moment before it, as that led into the failure. What the
policy drove in it is none.

Differences from the papers: who takes over when is no matter here (``asking``); the share of an
intervention is one half of the corrected episodes, as demonstrations are drawn apart from them.
"""

from collections.abc import Sequence

import numpy as np

from ilw_core.episode import Episode, Outcome, Source

LABELS = ('all', 'person', 'weighted')
BEFORE_S = 8.0
"""So long before a takeover the policy is not imitated: a person lets one that strays try for a
while. With 1 s policies learned to stray: of 400 rooms of clutter_hard 334 after a round and 341
after two, 27 s each, where 8 s gave 343 and 352 in 26 to 27 s"""
_ENDS_S = 1.0
"""What a person did within so much of a failure may be what failed"""
_PERSON_SHARE = 0.5


def failed_teach(labels: str) -> bool:
    """Tell whether something of an attempt that failed is a label."""
    return labels != 'all'


def takeovers(driver: np.ndarray) -> np.ndarray:
    """Return the steps of ``(T,)`` drivers at which a person took over from a policy."""
    return _changes(driver, Source.POLICY, Source.PERSON)


def hand_backs(driver: np.ndarray) -> np.ndarray:
    """Return the steps of ``(T,)`` drivers at which a policy drove again after a person."""
    return _changes(driver, Source.PERSON, Source.POLICY)


def person_labels(episode: Episode) -> np.ndarray:
    """
    Return which steps of an episode show what a person does, ``(T,)`` bool.

    Of an attempt that failed, all the person drove but the last stretch, where it reaches into the
    moment before the end; of a demonstration that failed nothing.
    """
    driver = episode.driver
    if not episode.corrected or driver is None:
        return np.full(len(episode.actions), episode.outcome is not Outcome.FAILURE)
    person = driver == Source.PERSON
    if episode.outcome is Outcome.FAILURE and person.any():
        last = int(np.flatnonzero(person)[-1])
        if (episode.stamps_ns[-1] - episode.stamps_ns[last + 1]) / 1e9 < _ENDS_S:
            begun = takeovers(driver)
            person[int(begun[begun <= last].max(initial=0)):] = False
    return person


def has_labels(episode: Episode, labels: str) -> bool:
    """Tell whether a step of an episode may be a label; see ``LABELS``."""
    own = labels != 'person' and episode.outcome is not Outcome.FAILURE
    return own or bool(person_labels(episode).any())


def step_weights(episodes: Sequence[Episode], labels: str, period_s: float,
                 ) -> list[np.ndarray] | None:
    """
    Return the weight of each step of each episode, ``(T,)`` float32; ``None``: all are alike.

    Episodes in which no policy drove are demonstrations: each step counts 1.
    But with ``all``, a failed attempt counts where ``person_labels`` says.

    :param labels: one of ``LABELS``.
    """
    if labels == 'all' or not any(each.corrected for each in episodes):
        return None
    if labels == 'person':
        return [person_labels(each).astype(np.float32) for each in episodes]
    weighted = iter(_weighted([each for each in episodes if each.corrected], period_s))
    return [next(weighted) if each.corrected else np.ones(len(each.actions), np.float32)
            for each in episodes]


def relative_weights(parts: Sequence[np.ndarray | None], rows: Sequence[int],
                     ) -> np.ndarray | None:
    """
    Return the weights (N,) float32 of all windows, 1 on average in each part of the data.

    :param parts: (n,) of the windows of each part; ``None``: all alike.
    :param rows: of each part: as many, or twice that: the windows and their reflections.
    :returns: ``None`` where no part has windows that count differently.
    """
    if all(part is None or not len(part) or np.all(part == part[0]) for part in parts):
        return None
    return np.concatenate([
        np.ones(count) if part is None or not len(part) else
        np.tile(part / part.mean(dtype=np.float64), count // len(part))
        for part, count in zip(parts, rows, strict=True)]).astype(np.float32)


def _weighted(episodes: Sequence[Episode], period_s: float) -> list[np.ndarray]:
    """Return weights in which persons have half of what there is, and their mean is 1."""
    policy = [_policy_alone(each, period_s) for each in episodes]
    person = [person_labels(each) for each in episodes]
    steps = sum(len(each.actions) for each in episodes)
    counts = [max(1, sum(int(each.sum()) for each in kind)) for kind in (person, policy)]
    return [(steps * (_PERSON_SHARE * by / counts[0] + (1.0 - _PERSON_SHARE) * own / counts[1])
             ).astype(np.float32) for by, own in zip(person, policy, strict=True)]


def _policy_alone(episode: Episode, period_s: float) -> np.ndarray:
    """
    Return the steps ``(T,)`` a policy drove, without those just before a takeover.

    Of an attempt that failed none.
    """
    driver = episode.driver
    if driver is None or episode.outcome is Outcome.FAILURE:
        return np.zeros(len(episode.actions), dtype=bool)
    alone = driver == Source.POLICY
    for step in takeovers(driver):
        alone[max(0, step - round(BEFORE_S / period_s)):step] = False
    return alone


def _changes(driver: np.ndarray, before: Source, after: Source) -> np.ndarray:
    """Return where ``after`` drives and ``before`` was the last to drive; a stop is nobody."""
    driving = np.flatnonzero((driver == Source.PERSON) | (driver == Source.POLICY))
    who = driver[driving]
    return driving[1:][(who[:-1] == before) & (who[1:] == after)]
