"""Attempts of a round that are driven in process, and kept as arrays where recordings would be."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from correct_parts.fast_drive import Hand, as_attempt, as_episode, drive
from correct_parts.fast_pairs import drive_together
from correct_parts.fast_world import FastWorld
import numpy as np

from ilw_bringup.correct.attempts import Attempts
from ilw_bringup.correct.lookout import Lookout
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.storage.episode_folder import META_FILE, SCHEMA, EpisodeFolder, read_episode
from ilw_learner.asking.gate_folder import load_gate
from ilw_learner.asking.robot_gate import RobotGate
from ilw_learner.correction.attempt import CorrectedAttempt
from ilw_learner.runtime.runner import PolicyRunner
from ilw_sim.driver.asked import AskedPerson

_ARRAYS, _RECORDING = 'arrays.npz', 'bag_0.mcap'


class FastAttempts(Attempts):
    """``Attempts`` without nodes: numbers, resumption and what is enough are the same code."""

    def read(self, episode: EpisodeFolder) -> CorrectedAttempt:
        """Return what one shows."""
        with np.load(episode.path / _ARRAYS) as stored:
            places, reasons = stored['places'], stored['reasons']
        return as_attempt(_load(episode, self._contract), self._contract, places, reasons)

    @contextmanager
    def _running(self) -> Iterator[tuple[Any, None]]:
        rng, gate = np.random.default_rng(self._seed), None
        lookout = helper = None
        if self._gate is not None:
            gate, helper = load_gate(self._gate, self._contract), AskedPerson(rng)
        elif self._checkpoint is not None:
            lookout = Lookout(self._contract, self._checkpoint, rng)
        policy = None if self._checkpoint is None else PolicyRunner(
            self._checkpoint, self._contract, gate=gate)
        hand, world = Hand(lookout, self._seed, helper), FastWorld(self._contract)

        def one(seed: int, *, record: bool, operator: str, episode: str) -> None:
            save(self.episodes / f'{seed}-{episode}', episode, world, seed, policy, hand,
                 gate)

        yield SimpleNamespace(drive=one, arm=lambda armed: None,
                              wait_for_driver=lambda driver, seed: None), None


def save(folder: Path, name: str, world: FastWorld, seed: int, policy: PolicyRunner | None,
         hand: Hand, gate: RobotGate | None = None) -> None:
    """Drive one episode and keep it; it is there as a whole or not at all."""
    found = drive(world, seed, policy, hand, gate)
    episode = as_episode(found, folder.name, world.contract)
    folder.mkdir(parents=True)
    np.savez(folder / _ARRAYS, obs=episode.obs, actions=episode.actions,
             driver=episode.driver, stamps_ns=episode.stamps_ns, places=np.array(found.places),
             reasons=np.array(found.reasons))
    (folder / _RECORDING).write_bytes(b'')
    (folder / META_FILE).write_text(json.dumps({
        'schema': SCHEMA, 'episode': name, 'outcome': episode.outcome.name.lower(),
        'stop_reason': episode.stop_reason, 'contract_hash': world.contract.hash}))


@contextmanager
def arrays_for_recordings() -> Iterator[None]:
    """Let trainings read what ``save`` kept, and comparisons drive side by side."""
    with patch('ilw_learner.training.options.load_episode',
               lambda folder, contract, **_: _load(folder, contract)), \
            patch('ilw_bringup.correct.lessons.drive_pairs', drive_together):
        yield


def _load(source: EpisodeFolder | Path, contract: Contract) -> Episode:
    source = source if isinstance(source, EpisodeFolder) else read_episode(source)
    with np.load(source.path / _ARRAYS) as stored:
        obs, actions = stored['obs'], stored['actions']
        driver, stamps_ns = stored['driver'], stored['stamps_ns']
    return Episode(
        name=source.path.name, obs=obs, obs_valid=np.ones_like(obs, dtype=bool),
        actions=actions, action_valid=np.ones(len(actions), dtype=bool), stamps_ns=stamps_ns,
        outcome=source.outcome, stop_reason=source.stop_reason, contract_hash=contract.hash,
        driver=driver)
