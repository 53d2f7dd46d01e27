"""The values of every algorithm that learns chunks of actions, and how these are driven."""

from dataclasses import dataclass
from typing import ClassVar

from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError
from ilw_core.limits import MAX_CHUNK_NS
from ilw_learner.runtime.chunk_executor import Execution
from ilw_learner.training.imitation import ImitationConfig


@dataclass(frozen=True)
class ChunkConfig(ImitationConfig):
    """What the networks of ``act`` and ``flow`` and their chunks share."""

    open_ended: ClassVar[bool] = True
    horizon: int = 16
    """Actions of a chunk, Ta"""
    updates: int = 5000
    """Gradient steps; so many for each task that is learned together"""
    batch: int = 64
    """Windows per step, as many of each task"""
    execute: int = 4
    """Actions of each that are over when the next counts"""
    join: str = 'replace'
    """How the next is joined to what is left of the last: one of ``chunk_executor.JOINS``"""
    decay: float = 0.01
    """Of ``ensemble``: a chunk weighs exp(-decay) times what the one begun before it does"""
    frozen: int = 0
    """Most actions that it learns to go on from; ``join: prefix`` needs some"""
    width: int = 64
    """Numbers per token, E"""
    heads: int = 4
    """Of every attention; they divide the width"""
    encoder_layers: int = 1
    """Blocks in which the observation's tokens see each other"""
    decoder_layers: int = 2
    """Blocks in which the actions' tokens see those of the observation"""
    hidden: int = 256
    """Units between the observation's numbers and their token"""
    near_m: float = 0.0
    """Lengths d are also seen as 1 / (d / near_m + 1): what is close matters most. 0: not"""
    noise: float = 0.05
    """Standard deviation added to normalised inputs"""
    without: str = ''
    """Entries of the observation that it does not see, separated by commas"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.width, self.heads, self.decoder_layers, self.hidden) < 1 or (
                self.width % (2 * self.heads) or self.encoder_layers < 0):
            raise ValueError('width, heads, decoder_layers and hidden must be at least 1, '
                             'encoder_layers at least 0, width a multiple of twice the heads.')
        if self.execute > self.horizon:
            raise ValueError(f'execute must be at most horizon ({self.horizon}). '
                             f'Got {self.execute}.')
        if not 0 <= self.frozen < self.horizon:
            raise ValueError('frozen must be within 0 and horizon - 1.')
        if self.noise < 0.0 or self.near_m < 0.0:
            raise ValueError('noise and near_m must be at least 0.')
        self.execution  # noqa: B018 - it says what is wrong with it

    def require(self, contract: Contract) -> None:
        """:raises ContractError: chunks cannot be driven so under a contract."""
        if (self.horizon - 1) * contract.period_ns > MAX_CHUNK_NS:
            most = MAX_CHUNK_NS // contract.period_ns + 1
            raise ContractError(f'horizon must be at most {most} at the {contract.rate_hz:g} Hz '
                                f'of {contract.name}: the arbiter refuses chunks of more than '
                                f'{MAX_CHUNK_NS / 1e9:g} s. Got {self.horizon}.')
        if self.join == 'ensemble' and contract.action.discrete:
            raise ContractError(f'join: ensemble averages actions, and {contract.name} has named '
                                f'ones, between which nothing is. Use join: replace.')

    @property
    def execution(self) -> Execution:
        """How its chunks are driven."""
        return Execution(self.execute, self.join, self.decay, self.frozen)
