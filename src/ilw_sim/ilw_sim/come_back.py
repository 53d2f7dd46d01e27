"""
Come back to a state of a simulated episode.

Physics engines keep hidden state (contact caches), so the way back is to drive again what was
driven from the seed; the pose at its end proves that it worked.
"""

from collections.abc import Mapping, Sequence
import math

import numpy as np

from ilw_core.contract.schema import shown
from ilw_core.errors import ContractError
from ilw_sim.simulated import Simulated, Tick

STATE_SCHEMA = 'ilw.sim_state/1'


def marks(simulation: Simulated) -> dict[str, object]:
    """Return what every state holds: how to come back to it, and a pose to know it by."""
    return {'schema': STATE_SCHEMA, 'contract_hash': simulation.contract.hash,
            'seed': simulation.seed, 'tick': simulation.tick.step,
            'stamp_ns': simulation.tick.stamp_ns, 'actions': simulation.actions,
            'pose': list(simulation.pose)}


def come_back(simulation: Simulated, state: Mapping[str, object],
              stamp_ns: int | None = None) -> Tick:
    """As ``Simulated.set_state``."""
    contract = simulation.contract
    if state.get('schema') != STATE_SCHEMA or state.get('contract_hash') != contract.hash:
        raise ContractError(f'The state must have schema {STATE_SCHEMA} and be of this '
                            f'contract. Read it with sim/get_state of this simulator.')
    try:
        actions = np.array(state['actions'], dtype=np.float64).reshape(-1, contract.action.dim)
        end_ns = int(str(state['stamp_ns'])) if stamp_ns is None else stamp_ns
        seed, pose = int(str(state['seed'])), state['pose']
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise ContractError(f'The state is damaged: {shown(str(error))}.') from error
    longest = math.ceil(contract.timeout_s * contract.rate_hz) + 1
    if seed < 0 or len(actions) > longest or not np.isfinite(actions).all():
        raise ContractError(f'The state is damaged: it needs a seed of at least 0 and at most '
                            f'{longest} finite actions. Got {seed} and {len(actions)}.')
    before = None if simulation.seed < 0 else (
        simulation.seed, simulation.tick.stamp_ns, simulation.actions)
    _drive_again(simulation, seed, end_ns, actions)
    if list(simulation.pose) != pose:
        if before is not None:
            _drive_again(simulation, *before)
        raise ContractError('The state leads elsewhere here: it comes from another version '
                            'of the simulator or another plant, or was edited.')
    return simulation.tick


def _drive_again(simulation: Simulated, seed: int, end_ns: int,
                actions: Sequence[Sequence[float]] | np.ndarray) -> None:
    """Drive an episode again so that it arrives at ``end_ns`` where it was."""
    contract = simulation.contract
    driven = np.array(actions, dtype=np.float64).reshape(-1, contract.action.dim)
    simulation.reset(seed, max(0, end_ns - len(driven) * contract.period_ns))
    for action in driven:
        simulation.step(action)
