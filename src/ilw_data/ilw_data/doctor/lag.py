"""
How long after a command does the robot move, and is that the same in every episode?

Measured on the messages as they were stamped, see ``ilw_data.clocks.lag``. A measured speed can
only follow its command: where it comes first, their stamps are of different clocks.
"""

from collections.abc import Mapping

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import FORWARD, TURN, field_index
from ilw_core.episode import Episode
from ilw_data.bag.reader import Bag
from ilw_data.clocks.lag import Lag, Signal, find_lag
from ilw_data.doctor.finding import Demos, Finding, Take

_PAIRS = ((FORWARD, 'forward_mps'), (TURN, 'turn_radps'))
"""Ends of the names of a command and of the speed that it asks for"""
_CLOCKS_S, _CLOCKS_TICKS = 0.03, 1.0 / 3.0
"""Motion that comes so much before its command is no matter of how exactly the lag is known"""
_SLOW_S = 0.3
"""Beyond, what is seen now no longer tells what the last commands will do"""
_APART = 2.0
"""Ticks by which one episode's lag may differ from the others'"""
_ENOUGH = 20
"""Changes of a command in one episode, to find its own lag"""


def read_signals(bag: Bag, contract: Contract,
                 episode: Episode) -> Mapping[int, tuple[Signal, Signal]]:
    """
    Return the commands and the speeds of one episode, at their own stamps.

    :param episode: which part of the bag counts.
    """
    found = {}
    speeds = {s.topic for s in contract.sources if _measures(s.feature.kind)}
    topics = bag.topics({*contract.action.topics, *speeds}) if speeds else {}
    for action, observed in _pairs(contract):
        command, place = contract.action.place(action)
        told = command.paths_in(bag.types[command.topic])[place]
        signals = [_signal(topics[name].stamps_ns, topics[name].fields.column(field), episode)
                   for name, field in ((command.topic, told), _field(contract, observed))]
        found[action] = (Signal(*signals[0], held=True), Signal(*signals[1]))
    return found


def check_set(demos: Demos) -> list[Finding]:
    """Return which speed follows which command, by how much, and where that differs."""
    contract, found = demos.contract, []
    for action, observed in _pairs(contract):
        pairs = [_signals(take, action, observed) for take in demos.takes]
        lag = find_lag(pairs)
        if lag is None:
            continue
        found.append(_finding(demos, action, observed, lag))
        if len(demos.takes) < 3:
            continue
        for take, pair in zip(demos.takes, pairs, strict=True):
            if np.count_nonzero(np.diff(pair[0].values)) < _ENOUGH:
                continue
            own = find_lag([pair])
            if own is not None and abs(own.seconds - lag.seconds) > _APART / contract.rate_hz:
                found.append(Finding(
                    'warn', 'lag', take.name, f'{contract.obs_names[observed]} follows '
                    f'{contract.action.names[action]} by {own.seconds * 1e3:.0f} ms, in the '
                    f'others by {lag.seconds * 1e3:.0f} ms: its labels are shifted.',
                    take.command('drop', '--why', 'shifted labels'),
                    {'lag_ms': own.seconds * 1e3, 'others_ms': lag.seconds * 1e3}))
    return found


def _finding(demos: Demos, action: int, observed: int, lag: Lag) -> Finding:
    contract = demos.contract
    name, seen = contract.action.names[action], contract.obs_names[observed]
    numbers = {'lag_ms': lag.seconds * 1e3, 'correlation': lag.correlation}
    about = f'(correlation {lag.correlation:.2f})'
    if lag.seconds < -max(_CLOCKS_S, _CLOCKS_TICKS / contract.rate_hz):
        return Finding(
            'warn', 'lag', '', f'{seen} moves {-lag.seconds * 1e3:.0f} ms before {name} commands '
            f'it {about}: their stamps come from different clocks. Mend that and record again.',
            demos.command('up', 'record'), numbers)
    said = f'{seen} follows {name} by {lag.seconds * 1e3:.0f} ms {about}'
    train = demos.command('train', '--demos', str(demos.root))
    if lag.seconds <= _SLOW_S:
        return Finding('note', 'lag', '', f'{said}.', train, numbers)
    history = round(lag.seconds * contract.rate_hz) + 1
    return Finding('warn', 'lag', '', f'{said}. Let the policy see as much: history: {history} in '
                   f'config/train/bc.yaml, then train.', train, numbers)


def _measures(kind: str) -> bool:
    return kind == 'body_twist'


def _pairs(contract: Contract) -> list[tuple[int, int]]:
    """Return numbers of actions and of the observed speeds that they ask for."""
    found = []
    for tail, speed in _PAIRS:
        action = field_index(contract.action, tail)
        names = [f'{s.name}.{speed}' for s in contract.sources if _measures(s.feature.kind)]
        if action is not None and names:
            found.append((action, contract.obs_names.index(names[0])))
    return found


def _field(contract: Contract, observed: int) -> tuple[str, str]:
    """Return topic and path of an observed speed."""
    name = contract.obs_names[observed]
    source = next(s for s in contract.sources if name in s.feature.names)
    return source.topic, source.feature.fields[source.feature.names.index(name)][1]


def _signal(stamps_ns: np.ndarray, values: np.ndarray,
            episode: Episode) -> tuple[np.ndarray, np.ndarray]:
    """Return times [s] and values of what an episode holds, in order; NaN is left out."""
    values = values.astype(np.float64)
    inside = (stamps_ns >= episode.stamps_ns[0]) & (stamps_ns <= episode.stamps_ns[-1])
    rows = np.flatnonzero(inside & np.isfinite(values))
    rows = rows[np.argsort(stamps_ns[rows], kind='stable')]
    return (stamps_ns[rows] - episode.stamps_ns[0]) / 1e9, values[rows]


def _signals(take: Take, action: int, observed: int) -> tuple[Signal, Signal]:
    if take.signals is not None:
        return take.signals[action]
    episode, steps = take.episode, len(take.episode.actions)
    at_s = (episode.stamps_ns[:steps] - episode.stamps_ns[0]) / 1e9
    given, seen = episode.action_valid, episode.obs_valid[:steps, observed]
    return (Signal(at_s[given], episode.actions[given, action].astype(np.float64)),
            Signal(at_s[seen], episode.obs[:steps][seen, observed].astype(np.float64)))
