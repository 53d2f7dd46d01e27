"""Ask everything about one checkpoint and recorded episodes; the simulator if there is one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import ContractError, GraphError
from ilw_data.episode.dataset import Dataset, build_dataset
from ilw_learner.checkpoint.folder import Checkpoint
from ilw_learner.why.ablation import SuccessLost
from ilw_learner.why.asked import ManyAsked, asked, asked_for_scores, graph_of_scores
from ilw_learner.why.attribution import (
    CHECK_STEPS,
    CHECK_STEPS_OF_IMAGES,
    Attribution,
    GradientCheck,
    by_differences,
    checked,
    integrated_gradients,
    way_of,
)
from ilw_learner.why.findings import findings
from ilw_learner.why.inputs import NamedInput, blank_observation, named_inputs
from ilw_learner.why.occlusion import (
    HELD,
    OTHER_MOMENT,
    effect,
    entry_changes,
    held_at_first,
    moved_by,
    of_other_episodes,
)
from ilw_learner.why.pictures_seen import (
    MEAN_PICTURE,
    HeatCheck,
    NamedPicture,
    heat_checked,
    in_squares,
    named_pictures,
    square_changes,
    with_coarse_pictures,
)
from ilw_learner.why.recorded.copycat import copycat_test
from ilw_learner.why.recorded.dependence import dependences
from ilw_learner.why.recorded.traits import InputTraits, traits
from ilw_learner.why.report import CauseEffect, InputUse, Moment, WhyReport
from ilw_learner.why.worlds import Asked

_LOOKED_THROUGH = 400
"""Moments with pictures among which telling ones are looked for"""
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
    looked_at_pictures: int = 100
    """In place of ``looked_at`` where there are cameras, whose pictures take longer"""


@dataclass(frozen=True)
class Explained:
    """What was found, and what its pictures are drawn from."""

    report: WhyReport
    inputs: tuple[NamedInput, ...]
    data: Dataset
    rows: tuple[int, ...]
    """Of ``data``, one per moment of the report"""
    worlds: tuple[Asked, ...]
    pictures: dict[str, np.ndarray]
    """Camera -> (P, H, W, C) uint8 of the moments"""
    heat: dict[str, np.ndarray]
    """Camera -> (P, Da, H, W) what each pixel of the moments adds; empty: not known"""


@dataclass(frozen=True)
class Subject:
    """A policy, what it was recorded to learn from, and how to ask it."""

    checkpoint: Checkpoint
    contract: Contract
    episodes: Sequence[Episode]
    data: Dataset
    inputs: tuple[NamedInput, ...]
    """Those that are numbers"""
    pictures: tuple[NamedPicture, ...]
    ask: ManyAsked
    notes: list[str] = field(default_factory=list)

    def images(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return what cameras show at rows of the data, ``(N, To, H, W, C)`` uint8."""
        return _images_of(self.data, rows)

    def at(self, rows: np.ndarray) -> ManyAsked:
        """Return what asks the policy about rows of the data, and what cameras show there."""
        return self.ask.at(self.images(rows))

    @property
    def seen(self) -> tuple[NamedInput, ...]:
        """Those of ``inputs`` that are not hidden from policies."""
        return tuple(each for each in self.inputs if not each.hidden)

    @property
    def spans(self) -> dict[str, float]:
        """Action field -> its range."""
        action = self.contract.action
        return {name: float(high - low) for name, low, high in zip(
            action.names, action.low, action.high, strict=True)}


def subject(checkpoint: Checkpoint, contract: Contract, episodes: Sequence[Episode]) -> Subject:
    """
    Prepare a checkpoint to be asked about episodes.

    :raises ContractError: it learned several tasks: not taken apart.
    :raises EpisodeError: no step of the episodes has all that the policy needs.
    """
    if checkpoint.several:
        raise ContractError(f'{checkpoint.path} has learned several tasks '
                            f'({", ".join(checkpoint.task_names)}), and why takes a policy of one '
                            f'apart. Hold it to what was recorded: ./ilw replay --task '
                            f'{contract.name}')
    data = build_dataset(episodes, contract, history=checkpoint.history)
    return Subject(checkpoint, contract, episodes, data, named_inputs(contract, data.obs),
                   named_pictures(contract, lambda rows: _images_of(data, rows), len(data.obs)),
                   asked(checkpoint, contract))


def _images_of(data: Dataset, rows: np.ndarray) -> dict[str, np.ndarray]:
    if data.frames is None:
        return {}
    return {name: each.take(data.frames[rows]) for name, each in data.images.items()}


def explain(about: Subject, options: WhyOptions, worlds: Sequence[Asked] = (),
            lost: tuple[SuccessLost, ...] = (),
            say: Callable[[str], None] = lambda what: None) -> Explained:
    """Ask everything; what cannot be asked is left out and noted."""
    data, rng = about.data, np.random.default_rng(options.seed)
    say('replace inputs')
    looked_at = min(len(data.obs), options.looked_at_pictures if about.pictures
                    else options.looked_at)
    rows = _some(len(data.obs), options.fitted, rng)
    wide, named = with_coarse_pictures(data.obs[rows], about.inputs, about.images(rows))
    recorded = (data.tick[rows], data.episode[rows])
    kinds = {each.name: traits(each, wide, data.previous[rows], *recorded) for each in named}
    uses = _uses(about, _some(len(data.obs), looked_at, rng), rng, kinds)
    say('what depends on what')
    fitted = (wide, data.actions[rows, 0], data.previous[rows])
    sighted = wide.copy()
    for each in about.inputs:
        sighted[..., each.columns] *= not each.hidden
    copycat = copycat_test(sighted, *fitted[1:], data.episode[rows],
                           tuple(each for each in named if not each.hidden))
    depends = dependences(*fitted, *recorded, named, _done(about, worlds))
    causes, chosen = _causes(about, worlds), _telling(about, worlds, options.moments, rng)
    say('gradients')
    more = 0 if about.pictures else max(0, options.attributed - len(chosen))
    own, check = _gradients(about, np.concatenate([chosen, _some(len(data.obs), more, rng)]))
    say('hide squares of pictures')
    moments = tuple(_moment(about, int(row), own, number) for number, row in enumerate(chosen))
    report = WhyReport(
        task=about.contract.name, checkpoint=str(about.checkpoint.path),
        algorithm=str(about.checkpoint.card.get('algorithm', '')),
        episodes=len(about.episodes), ticks=len(data.obs),
        looked_at=looked_at, inputs=uses, gradient=check,
        heat=_heat_check(about, moments),
        copycat=copycat, depends=depends, causes=causes, driven_again=len(worlds),
        success_lost=lost, moments=moments,
        findings=findings(uses, copycat, depends, lost), notes=tuple(about.notes))
    return Explained(report, about.seen, data, tuple(map(int, chosen)), tuple(worlds),
                     {name: each[:, -1] for name, each in about.images(chosen).items()},
                     {} if own is None else own.pictures)


def _some(count: int, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.choice(count, min(most, count), replace=False))


def _uses(about: Subject, rows: np.ndarray, rng: np.random.Generator,
          kinds: Mapping[str, InputTraits]) -> tuple[InputUse, ...]:
    data, ask, spans = about.data, about.at(rows), about.spans
    obs, episode = data.obs[rows], data.episode[rows]
    other, first = of_other_episodes(obs, episode, rng), held_at_first(obs, episode)
    found: list[dict[str, Any]] = []
    for given in about.seen:
        columns = given.columns
        found.append({
            'blank': effect(ask, obs, given.blank, given, given.blank_is, spans),
            'mixed': effect(ask, obs, other[..., columns], given, OTHER_MOMENT, spans,
                            entries=False),
            'held': effect(ask, obs, first[..., columns], given, HELD, spans, entries=False),
            'traits': kinds[given.name]})
    images, before = about.images(rows), ask(obs) if about.pictures else np.empty(0)
    for picture in about.pictures:
        own = images[picture.name]
        found.append({'image': True, 'traits': kinds[picture.name], **{
            how: moved_by(before, about.ask.at({**images, picture.name: other})(obs),
                          picture.name, what, spans) for how, what, other in (
                ('blank', MEAN_PICTURE, np.broadcast_to(picture.blank, own.shape)),
                ('mixed', OTHER_MOMENT, of_other_episodes(own, episode, rng)),
                ('held', HELD, held_at_first(own, episode)))}})
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
            seen += [name for name, moved in answer.pictures.items() if moved > _SEEN_RATIO]
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


def _telling(about: Subject, worlds: Sequence[Asked], count: int,
             rng: np.random.Generator) -> np.ndarray:
    """Return rows of the data where a cause moves the policy most; without one, where it turns."""
    data, spans, chosen = about.data, np.array(list(about.spans.values())), []
    for each in worlds:
        number = [episode.name for episode in about.episodes].index(each.world.episode.name)
        for answer in each.answers:
            tick = int((np.abs(answer.policy) / spans).mean(axis=1).argmax())
            row = np.flatnonzero((data.episode == number) & (data.tick == tick))
            chosen += [(float((np.abs(answer.policy[tick]) / spans).mean()), int(r)) for r in row]
    if not chosen:
        some = _some(len(data.obs), _LOOKED_THROUGH if about.pictures else len(data.obs), rng)
        acted = np.abs(about.at(some)(data.obs[some])) / spans
        turning = acted[:, int(acted.var(axis=0).argmax())]
        for number in range(len(about.episodes)):
            rows = np.flatnonzero(data.episode[some] == number)
            if len(rows):
                best = int(rows[turning[rows].argmax()])
                chosen.append((float(turning[best]), int(some[best])))
    ordered = dict.fromkeys(row for _, row in sorted(chosen, reverse=True))
    return np.array(list(ordered)[:count], dtype=np.int64)


def _gradients(about: Subject, rows: np.ndarray,
               ) -> tuple[Attribution | None, GradientCheck | None]:
    """Return integrated gradients of rows of the data, and their check."""
    checkpoint, obs = about.checkpoint, about.data.obs[rows]
    scores = graph_of_scores(checkpoint.graph)
    asking, spans = about.ask, np.array(list(about.spans.values()))
    images = about.images(rows)
    blank_images = {each.name: each.blank for each in about.pictures}
    steps = CHECK_STEPS_OF_IMAGES if images else CHECK_STEPS
    if scores is not None:
        about.notes.append('The action is a choice: integrated gradients are of the score of each '
                           'choice.')
        asking = asked_for_scores(checkpoint, about.contract) or asking
        spans = asking.at(images)(obs).std(axis=0)
    blank = blank_observation(about.inputs)
    try:
        found = integrated_gradients(scores or checkpoint.graph, obs, blank, spans, images,
                                     blank_images)
    except GraphError as error:
        about.notes.append(f'No integrated gradients: {error}')
        return None, None
    scale = np.maximum(about.data.obs.std(axis=(0, 1)), 1e-3)
    on_the_way = asking.at({name: way_of(each, blank_images[name], steps)
                            for name, each in images.items()})
    return found, checked(found, by_differences(on_the_way, obs, blank, scale, steps))


def _moment(about: Subject, row: int, own: Attribution | None, number: int) -> Moment:
    data, names = about.data, about.contract.action.names
    obs, ask, images = data.obs[row], about.at(np.array([row])), about.images(np.array([row]))
    action = ask(obs[None])[0]
    without = {}
    for given in about.seen:
        hidden = obs[None].copy()
        hidden[..., given.columns] = given.blank
        without[given.name] = ask(hidden)[0]
    for picture in about.pictures:
        blank = np.broadcast_to(picture.blank, images[picture.name].shape)
        without[picture.name] = about.ask.at({**images, picture.name: blank})(obs[None])[0]
    changes = np.concatenate([entry_changes(ask, obs, each) for each in about.inputs])
    fields = names if own is None or own.parts.shape[1] == len(names) else tuple(
        about.contract.action.discrete)
    return Moment(
        data.names[data.episode[row]], int(data.tick[row]),
        round(float(data.tick[row]) / about.contract.rate_hz, 3), _named(names, action),
        _named(names, data.actions[row, 0]),
        {name: _named(names, acted) for name, acted in without.items()},
        {name: tuple(map(float, column)) for name, column in zip(names, changes.T, strict=True)},
        {} if own is None else {name: tuple(map(float, parts)) for name, parts in zip(
            fields, own.parts[number], strict=True)},
        {} if own is None else {camera: _by_squares(fields, in_squares(heat[number]))
                                for camera, heat in own.pictures.items()},
        {each.name: _by_squares(names, square_changes(about.ask, obs, images, each))
         for each in about.pictures})


def _by_squares(names: Sequence[str], squares: np.ndarray,
                ) -> dict[str, tuple[tuple[float, ...], ...]]:
    return {name: tuple(tuple(map(float, row)) for row in each)
            for name, each in zip(names, squares, strict=True)}


def _heat_check(about: Subject, moments: Sequence[Moment]) -> HeatCheck | None:
    """Compare the heat maps of moments with the squares hidden, where both are of actions."""
    names, pairs = about.contract.action.names, list[tuple[Any, Any]]()
    for moment in moments:
        for camera, heat in moment.heat.items():
            if list(heat) == list(names):  # else of the score of a choice
                pairs.append(([heat[name] for name in names],
                              [moment.hidden[camera][name] for name in names]))
    if not pairs:
        return None
    one, other = (np.array(each) for each in zip(*pairs, strict=True))
    return heat_checked(one, other, np.array(list(about.spans.values())))


def _named(names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
