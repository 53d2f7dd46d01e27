"""
The gap between a simulated and a real bag of one contract: topics, observations, open-loop replay.

What drives in the replay beside the reference model (a physics simulator, say) comes in as a
function, so this knows no simulator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilw_core.base.plant import Plant
from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError, EpisodeError
from ilw_data.bag.reader import Bag
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.readings import read_problems
from ilw_sysid.gap.finding import GapFinding
from ilw_sysid.gap.map_residuals import MapResiduals, map_residuals
from ilw_sysid.gap.observations import Shift, shift_findings, shifts
from ilw_sysid.gap.topics import TopicFigures, compare_topics, figures
from ilw_sysid.identify.drive import Drive, read_drive
from ilw_sysid.identify.estimate import identify
from ilw_sysid.identify.replay import Model, Replay, plant_model, replay, split
from ilw_sysid.identify.result import Identified

Simulator = Callable[[Plant], Model]
"""Plant -> what drives with commands as it does"""

_WORTH = 0.7
_SIDES = {'sim': 'simulated', 'real': 'real'}


@dataclass(frozen=True)
class Gap:
    """Everything that was compared."""

    findings: tuple[GapFinding, ...]
    topics: dict[str, dict[str, TopicFigures]]
    """``sim`` and ``real`` -> topic -> figures"""
    shifts: tuple[Shift, ...]
    replays: dict[str, Replay]
    """What drove -> replay of the real commands"""
    drive: Drive | None
    """The part of the real bag that was replayed; none if there is none"""
    identified: Identified | None
    residuals: MapResiduals | None

    def as_json(self) -> dict[str, Any]:
        """Return everything but the paths as JSON values."""
        return {
            'findings': [vars(f) for f in self.findings],
            'topics': {side: {name: each.as_json() for name, each in there.items()}
                       for side, there in self.topics.items()},
            'shifts': [shift.as_json() for shift in self.shifts],
            'replay': {name: each.as_json() for name, each in self.replays.items()},
            'identified': None if self.identified is None else self.identified.as_json(),
            'map': None if self.residuals is None else self.residuals.as_json()}


def compare(sim: Path, real: Path, contract: Contract, plant: Plant | None = None,
            simulators: dict[str, Simulator] | None = None) -> Gap:
    """
    Compare two bags.

    :param plant: what the replay is driven with beside the default; ``None``: it is identified
        from the first half of the real bag, and both are judged on the second.
    :param simulators: other models to replay with, by name.
    :raises EpisodeError: a bag cannot be read at all.
    """
    bags = {'sim': Bag(sim), 'real': Bag(real)}
    topics = {side: figures(bag, list(contract.topics)) for side, bag in bags.items()}
    findings = compare_topics(contract, topics['sim'], topics['real'])
    findings += [GapFinding('bad' if problem.bad else 'warn', problem.topic,
                            f'cannot be so in the {_SIDES[side]} bag: {problem.text.rstrip(".")}',
                            'Mend that and record again.')
                 for side, bag in bags.items() for problem in read_problems(bag, contract)]
    moved: list[Shift] = []
    try:
        episodes = [load_episode(path, contract, allow_other_contract=True)
                    for path in (sim, real)]
        moved = shifts(contract, *episodes)
        findings += shift_findings(contract, moved)
    except (EpisodeError, ContractError) as error:
        findings.append(GapFinding('bad', 'observation', f'cannot be built: {error}',
                                   'Mend what is missing above, then compare again.'))
    drive, identified = None, None
    replays: dict[str, Replay] = {}
    try:
        drive, identified, replays = _replays(read_drive(real, contract), plant, simulators or {})
        findings += _replay_findings(replays)
    except EpisodeError as error:
        findings.append(GapFinding('warn', contract.action.where, f'was not replayed: {error}',
                                   'Record commands and odometry with the contract.'))
    residuals, word = map_residuals(bags['real'])
    findings.append(word)
    return Gap(tuple(findings), topics, tuple(moved), replays, drive, identified, residuals)


def _replays(drive: Drive, plant: Plant | None, simulators: dict[str, Simulator]
             ) -> tuple[Drive, Identified | None, dict[str, Replay]]:
    identified = None
    if plant is None:
        first, judged = split(drive)
        try:
            identified = identify(first)
        except EpisodeError:  # half of it is too little: fit and judge on all, and say so
            identified, judged = identify(drive), drive
        plant = identified.plant
        drive = judged
    plants = {'default': Plant(), 'identified' if identified else 'given': plant}
    replays = {title: replay(plant_model(each), drive) for title, each in plants.items()}
    for name, simulator in simulators.items():
        replays |= {f'{name}, {title}': replay(simulator(each), drive)
                    for title, each in plants.items()}
    return drive, identified, replays


def _replay_findings(replays: dict[str, Replay]) -> list[GapFinding]:
    found = []
    usual = float(replays['default'].error_m.mean())
    for name, each in replays.items():
        per_m = each.per_metre[0]
        growth = f'{each.per_second[0]:.3g} m per second' + (
            f', {per_m:.3g} m per metre' if per_m == per_m else '')
        found.append(GapFinding(
            'ok', f'replay, {name}', f'drifts off by {growth}; mean position error '
            f'{each.error_m.mean():.3g} m, heading {abs(each.heading_error_rad).mean():.3g} rad',
            ''))
    better = [float(each.error_m.mean()) for name, each in replays.items()
              if name in ('identified', 'given')]
    if better and better[0] < _WORTH * usual:
        found.append(GapFinding('warn', 'plant', 'The default plant is off by '
                                f'{usual:.3g} m, this one by {better[0]:.3g} m',
                                'Train over it: ./ilw identify REAL_BAG --out '
                                'config/plants/NAME.yaml, then ./ilw train --plant NAME.'))
    elif better:
        found.append(GapFinding('ok', 'plant',
                                f'The default plant is off by {usual:.3g} m, this one '
                                f'by {better[0]:.3g} m: the plant is not what differs', ''))
    return found
