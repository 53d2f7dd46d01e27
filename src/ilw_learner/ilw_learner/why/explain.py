"""Ask everything about one checkpoint and recorded episodes; the simulator if there is one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import ContractError, GraphError
from ilw_data.episode.dataset import Dataset, build_dataset
from ilw_learner.checkpoint.folder import Checkpoint
from ilw_learner.why.ablation import SuccessLost
from ilw_learner.why.asked import Ask, asked, asked_for_scores, graph_of_scores
from ilw_learner.why.attribution import (
    Attribution,
    GradientCheck,
    by_differences,
    checked,
    integrated_gradients,
)
from ilw_learner.why.findings import findings
from ilw_learner.why.inputs import NamedInput, blank_observation, named_inputs
from ilw_learner.why.occlusion import (
    HELD,
    OTHER_MOMENT,
    effect,
    entry_changes,
    held_at_first,
    of_other_episodes,
)
from ilw_learner.why.recorded.copycat import copycat_test
from ilw_learner.why.recorded.dependence import dependences
from ilw_learner.why.recorded.traits import traits
from ilw_learner.why.report import CauseEffect, InputUse, Moment, WhyReport
from ilw_learner.why.worlds import Asked

_SEEN_RATIO = 1e-3
"""An input changes in a changed world by more than this of its range; odometry by rounding only"""


@dataclass(frozen=True)
class WhyOptions:
    """How much to look at."""

    seed: int = 0
    """Of the moments drawn"""
    looked_at: int = 400
    """Moments whose inputs are replaced"""
    fitted: int = 2000
    """Moments that tell what depends on what"""
    attributed: int = 12
    """Moments with integrated gradients, checked by finite differences"""
    moments: int = 4
    """Moments on the page"""


@dataclass(frozen=True)
class Explained:
    """What was found, and what its pictures are drawn from."""

    report: WhyReport
    inputs: tuple[NamedInput, ...]
    data: Dataset
    rows: tuple[int, ...]
    """Of ``data``, one per moment of the report"""
    worlds: tuple[Asked, ...]


@dataclass(frozen=True)
class Subject:
    """A policy, what it was recorded to learn from, and how to ask it."""

    checkpoint: Checkpoint
    contract: Contract
    episodes: Sequence[Episode]
    data: Dataset
    inputs: tuple[NamedInput, ...]
    ask: Ask
    notes: list[str] = field(default_factory=list)

    @property
    def spans(self) -> dict[str, float]:
        """Action field -> its range."""
        action = self.contract.action
        return {name: float(high - low) for name, low, high in zip(
            action.names, action.low, action.high, strict=True)}


def subject(checkpoint: Checkpoint, contract: Contract, episodes: Sequence[Episode]) -> Subject:
    """
    Prepare a checkpoint to be asked about episodes.

    :raises ContractError: it observes images, or learned several tasks: not taken apart.
    :raises EpisodeError: no step of the episodes has all that the policy needs.
    """
    if checkpoint.several:
        raise ContractError(f'{checkpoint.path} has learned several tasks '
                            f'({", ".join(checkpoint.task_names)}), and why takes a policy of one '
                            f'apart. Hold it to what was recorded: ./ilw replay --task '
                            f'{contract.name}')
    if contract.images:
        names = ', '.join(source.name for source in contract.images)
        raise ContractError(f'{contract.name} observes images ({names}), which why does not take '
                            f'apart. Hold it to what was recorded: ./ilw replay')
    data = build_dataset(episodes, contract, history=checkpoint.history)
    return Subject(checkpoint, contract, episodes, data, named_inputs(contract, data.obs),
                   asked(checkpoint, contract))


def explain(about: Subject, options: WhyOptions, worlds: Sequence[Asked] = (),
            lost: tuple[SuccessLost, ...] = (),
            say: Callable[[str], None] = lambda what: None) -> Explained:
    """Ask everything; what cannot be asked is left out and noted."""
    data, rng = about.data, np.random.default_rng(options.seed)
    say('replace inputs')
    uses = _uses(about, _some(len(data.obs), options.looked_at, rng), rng)
    say('what depends on what')
    rows = _some(len(data.obs), options.fitted, rng)
    fitted = (data.obs[rows], data.actions[rows, 0], data.previous[rows])
    copycat = copycat_test(*fitted, data.episode[rows], about.inputs)
    depends = dependences(*fitted, data.tick[rows], data.episode[rows], about.inputs,
                          _done(about, worlds))
    causes, chosen = _causes(about, worlds), _telling(about, worlds, options.moments)
    say('gradients')
    own, check = _gradients(about, np.concatenate([chosen, _some(
        len(data.obs), max(0, options.attributed - len(chosen)), rng)]))
    report = WhyReport(
        task=about.contract.name, checkpoint=str(about.checkpoint.path),
        algorithm=str(about.checkpoint.card.get('algorithm', '')),
        episodes=len(about.episodes), ticks=len(data.obs),
        looked_at=min(options.looked_at, len(data.obs)), inputs=uses, gradient=check,
        copycat=copycat, depends=depends, causes=causes, driven_again=len(worlds),
        success_lost=lost, moments=tuple(_moment(about, int(row), own, number)
                                         for number, row in enumerate(chosen)),
        findings=findings(uses, copycat, depends, lost), notes=tuple(about.notes))
    return Explained(report, about.inputs, data, tuple(map(int, chosen)), tuple(worlds))


def _some(count: int, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.choice(count, min(most, count), replace=False))


def _uses(about: Subject, rows: np.ndarray, rng: np.random.Generator) -> tuple[InputUse, ...]:
    data, ask, spans = about.data, about.ask, about.spans
    obs, episode = data.obs[rows], data.episode[rows]
    other, first = of_other_episodes(obs, episode, rng), held_at_first(obs, episode)
    found: list[dict[str, Any]] = []
    for given in about.inputs:
        columns = given.columns
        found.append({
            'blank': effect(ask, obs, given.blank, given, given.blank_is, spans),
            'mixed': effect(ask, obs, other[..., columns], given, OTHER_MOMENT, spans,
                            entries=False),
            'held': effect(ask, obs, first[..., columns], given, HELD, spans, entries=False),
            'traits': traits(given, data.obs, data.previous, data.tick, data.episode)})
    whole = sum(each['mixed'].ratio for each in found) or 1.0
    return tuple(InputUse(share=each['mixed'].ratio / whole, **each) for each in found)


def _done(about: Subject, worlds: Sequence[Asked]) -> dict[str, float]:
    """Return how the expert's action changed where one input alone did: input -> largest mean."""
    spans, found = np.array(list(about.spans.values())), dict[str, float]()
    wide = about.contract.obs_high - about.contract.obs_low
    for each in worlds:
        for answer in each.answers:
            seen = [given.name for given in about.inputs if (
                answer.seen[given.columns] / wide[given.columns]).max() > _SEEN_RATIO]
            if len(seen) == 1:
                moved = float((np.abs(answer.expert) / spans).mean())
                found[seen[0]] = max(found.get(seen[0], 0.0), moved)
    return found


def _causes(about: Subject, worlds: Sequence[Asked]) -> tuple[CauseEffect, ...]:
    names, spans = about.contract.action.names, np.array(list(about.spans.values()))
    found = []
    for each in worlds:
        for answer in each.answers:
            moved = (np.abs(answer.policy) / spans).mean(axis=1)
            tick = int(moved.argmax())
            before, after = each.policy[tick], each.policy[tick] + answer.policy[tick]
            found.append(CauseEffect(
                answer.cause, float(moved.mean()), float((np.abs(answer.expert) / spans).mean()),
                each.world.episode.name, round(tick / about.contract.rate_hz, 3),
                _named(names, before), _named(names, after)))
    return tuple(sorted(found, key=lambda cause: -cause.policy))


def _telling(about: Subject, worlds: Sequence[Asked], count: int) -> np.ndarray:
    """Return rows of the data where a cause moves the policy most; without one, where it turns."""
    data, spans, chosen = about.data, np.array(list(about.spans.values())), []
    for each in worlds:
        number = [episode.name for episode in about.episodes].index(each.world.episode.name)
        for answer in each.answers:
            tick = int((np.abs(answer.policy) / spans).mean(axis=1).argmax())
            row = np.flatnonzero((data.episode == number) & (data.tick == tick))
            chosen += [(float((np.abs(answer.policy[tick]) / spans).mean()), int(r)) for r in row]
    if not chosen:
        acted = np.abs(about.ask(data.obs)) / spans
        turning = acted[:, int(acted.var(axis=0).argmax())]
        for number in range(len(about.episodes)):
            rows = np.flatnonzero(data.episode == number)
            if len(rows):
                row = int(rows[turning[rows].argmax()])
                chosen.append((float(turning[row]), row))
    ordered = dict.fromkeys(row for _, row in sorted(chosen, reverse=True))
    return np.array(list(ordered)[:count], dtype=np.int64)


def _gradients(about: Subject, rows: np.ndarray,
               ) -> tuple[Attribution | None, GradientCheck | None]:
    """Return integrated gradients of rows of the data, and their check."""
    checkpoint, obs = about.checkpoint, about.data.obs[rows]
    scores = graph_of_scores(checkpoint.graph)
    ask, spans = about.ask, np.array(list(about.spans.values()))
    if scores is not None:
        about.notes.append('The action is a choice: integrated gradients are of the score of each '
                           'choice.')
        ask = asked_for_scores(checkpoint, about.contract) or ask
        spans = ask(obs).std(axis=0)
    blank = blank_observation(about.inputs)
    try:
        found = integrated_gradients(scores or checkpoint.graph, obs, blank, spans)
    except GraphError as error:
        about.notes.append(f'No integrated gradients: {error}')
        return None, None
    scale = np.maximum(about.data.obs.std(axis=(0, 1)), 1e-3)
    return found, checked(found, by_differences(ask, obs, blank, scale))


def _moment(about: Subject, row: int, own: Attribution | None, number: int) -> Moment:
    data, names = about.data, about.contract.action.names
    obs = data.obs[row]
    action = about.ask(obs[None])[0]
    hidden = np.repeat(obs[None], len(about.inputs), axis=0)
    for k, given in enumerate(about.inputs):
        hidden[k, :, given.columns] = given.blank
    without = about.ask(hidden)
    changes = np.concatenate([entry_changes(about.ask, obs, each) for each in about.inputs])
    fields = names if own is None or own.parts.shape[1] == len(names) else tuple(
        about.contract.action.discrete)
    return Moment(
        data.names[data.episode[row]], int(data.tick[row]),
        round(float(data.tick[row]) / about.contract.rate_hz, 3), _named(names, action),
        _named(names, data.actions[row, 0]),
        {given.name: _named(names, acted) for given, acted in zip(
            about.inputs, without, strict=True)},
        {name: tuple(map(float, column)) for name, column in zip(names, changes.T, strict=True)},
        {} if own is None else {name: tuple(map(float, parts)) for name, parts in zip(
            fields, own.parts[number], strict=True)})


def _named(names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
