"""One field of an episode over time, to be held against that of others."""

from collections.abc import Sequence
from math import ceil, isfinite

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import EpisodeError

MOST_POINTS = 1500
"""Of one episode; of a longer one every second step is left out, or more"""
_ACTION, _OBSERVATION = 'action/', 'observation/'


def fields_in_common(contracts: Sequence[Contract]) -> dict[str, str]:
    """
    Return name -> unit of the fields that several contracts share, those of the action first.

    :returns: names as ``action/FIELD`` and ``observation/FIELD``; an empty unit is not known.
    :raises EpisodeError: they share none.
    """
    every = [_fields(contract) for contract in contracts]
    shared = {name: unit for name, unit in every[0].items()
              if all(other.get(name) == unit for other in every[1:])}
    if not shared:
        raise EpisodeError(f'The episodes must share a field of action or observation. Got those '
                           f'of {", ".join(sorted({each.name for each in contracts}))}, which '
                           f'share none. Choose episodes of one task.')
    return shared


def field_over_time(episode: Episode, contract: Contract,
                    field: str) -> list[tuple[float, float | None]]:
    """
    Return time since the first tick [s] and value, in the contract's units, tick by tick.

    :param field: as in ``fields_in_common``.
    :returns: ``None`` where nothing was commanded, or seen.
    """
    if field.startswith(_ACTION):
        column = list(contract.action.names).index(field.removeprefix(_ACTION))
        values, valid = episode.actions[:, column], episode.action_valid
    else:
        column = list(contract.obs_names).index(field.removeprefix(_OBSERVATION))
        values, valid = episode.obs[:, column], episode.obs_valid[:, column]
    seconds = (episode.stamps_ns - episode.stamps_ns[0])[:len(values)] / 1e9
    every = max(1, ceil(len(values) / MOST_POINTS))
    return [(round(at_s, 3), float(f'{value:.6g}') if good and isfinite(value) else None)
            for at_s, value, good in zip(seconds[::every].tolist(), values[::every].tolist(),
                                         valid[::every].tolist(), strict=True)]


def _fields(contract: Contract) -> dict[str, str]:
    action = contract.action
    units = zip(action.names, action.units, strict=True)
    return {**{_ACTION + name: unit for name, unit in units},
            **dict.fromkeys((_OBSERVATION + name for name in contract.obs_names), '')}
