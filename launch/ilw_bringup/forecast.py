"""How long the stages of a demo will take: ticks and updates, times what one costs here."""

from dataclasses import dataclass
import time

import numpy as np

from ilw_core.contract.file import Contract
from ilw_learner.networks.image_encoder import has_tiles
from ilw_learner.rollout.looks import BLINDS
from ilw_learner.training.imitation import ImitationConfig

# Measured on two shared cores of an Intel Xeon, 2026-11-28, with clutter, lift_state and lift.
_WORK_S = 0.034
"""What ``slowness`` times took there"""
_START_S = 5.0
"""Until nodes drive that were started"""
_EPISODE_S = 0.4
"""Until the next episode begins, and until one that was recorded is saved"""
_TICK_S, _CAMERA_S = 0.016, 0.012
"""A tick through all nodes, and more of it for each camera"""
_OWN_TICK_S, _OWN_CAMERA_S = 0.004, 0.004
"""The same in one process"""
_UPDATE_S, _PICTURE_S = 0.0025, 0.002
"""An update of ``bc`` from numbers, and each picture of its batch; half of it with tiles"""
_EXPERT_RATIO = 0.25
"""Of the time-out: what an expert and a good policy need, about"""


@dataclass(frozen=True)
class Forecast:
    """Wall seconds of the stages of a demo."""

    record_s: float
    train_s: float
    eval_s: float
    """Of all drivers"""
    looks_s: float
    """Without its pictures; 0: it sees none"""

    @property
    def total_s(self) -> float:
        """Of all stages."""
        return self.record_s + self.train_s + self.eval_s + self.looks_s

    def line(self, load: float, cores: int) -> str:
        """
        Return it for a person.

        :param load: processes that want a core now, on average.
        """
        looks = f', without its pictures {spoken(self.looks_s)}' if self.looks_s else ''
        busy = f' It is busy now (load {load:.1f}): longer.' if load > 0.5 * cores else ''
        return (f'About {spoken(self.total_s)} on this machine when it does nothing else: record '
                f'{spoken(self.record_s)}, train {spoken(self.train_s)}, evaluate '
                f'{spoken(self.eval_s)}{looks}.{busy}')


def forecast(contract: Contract, config: ImitationConfig, episodes: int, episodes_eval: int,
             slower: float) -> Forecast:
    """
    Return how long a demo takes.

    :param episodes: demonstrations; ``episodes_eval``: of each driver.
    :param slower: as ``slowness`` says.
    """
    whole = contract.timeout_s * contract.rate_hz
    cameras, short = len(contract.images), _EXPERT_RATIO * whole
    tick_s, own_s = _TICK_S + cameras * _CAMERA_S, _OWN_TICK_S + cameras * _OWN_CAMERA_S
    picture_s = _PICTURE_S / 2 if has_tiles() else _PICTURE_S
    update_s = cameras * config.batch * picture_s or _UPDATE_S
    scored = config.candidates * config.eval_episodes * short * own_s
    looks_s = episodes_eval * (short + len(BLINDS) * whole) * own_s if cameras else 0.0
    drivers_s = 2 * (short + whole) * tick_s + 4 * _EPISODE_S
    return Forecast(*(round(slower * each, 1) for each in (
        _START_S + episodes * (short * tick_s + _EPISODE_S), config.updates * update_s + scored,
        2 * _START_S + episodes_eval * drivers_s, looks_s)))


def slowness() -> float:
    """Return how many times as long this machine takes for a small work, alone on a core."""
    numbers, took = np.linspace(-1.0, 1.0, 50_000), []
    for _ in range(5):
        begin, total = time.thread_time(), 0
        for k in range(500_000):
            total += k % 7
        for _ in range(100):
            np.tanh(numbers)
        took.append(time.thread_time() - begin)
    return min(took) / _WORK_S


def spoken(seconds: float) -> str:
    """Return a time as ``40 s`` or ``12 min``."""
    return f'{seconds:.0f} s' if seconds < 100 else f'{seconds / 60:.0f} min'
