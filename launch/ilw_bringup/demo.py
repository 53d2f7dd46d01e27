"""
The whole workflow with no hardware: demonstrate, record, train, deploy, evaluate, report.

Everything runs as ROS nodes over topics. Seeds are kept apart: demonstrations, the trainer's own
evaluation and the final evaluation never see the same world.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any

from ilw_bringup.film import save_drives
from ilw_bringup.forecast import Forecast, forecast, slowness
from ilw_bringup.picture import draw_paths
from ilw_bringup.session import Driven, LoopError, Session
from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.processes import Fleet
from ilw_core import world_seeds
from ilw_core.contract.file import load_contract
from ilw_core.episode import Source
from ilw_core.errors import IlwError
from ilw_core.scores.score import EvalScore, score
from ilw_core.storage.files import write_file
from ilw_core.storage.locate import config_file
from ilw_learner.rollout.looks import Looks
from ilw_learner.training.config import load_config
from ilw_learner.training.imitation import ImitationConfig
from ilw_learner.training.summary import TrainSummary

_RETRIES = 5
"""A run gives up after this many episodes in a row were lost to a fault"""


@dataclass
class DemoOptions:
    """What ``./ilw demo`` can be told."""

    task: str = 'clutter'
    seed: int = 0
    episodes: int = 0
    """Demonstrations; 0: as many as ``config`` says for the task"""
    episodes_eval: int = 20
    config: str = 'bc'
    runs: Path = Path('runs')
    say: Callable[[str], None] = field(default=lambda text: None)
    progress: Callable[[str, int, int], None] = field(default=lambda what, done, total: None)


@dataclass(frozen=True)
class DemoReport:
    """What came out of a demo; ``report.json`` and ``--json`` show it under these names."""

    task: str
    """Name of the contract"""
    seed: int
    episodes_recorded: int
    """Demonstrations"""
    episodes_eval: int
    """Of each driver"""
    record_s: float
    train_s: float
    eval_s: float
    looks_s: float
    """Driving without its pictures; 0: it sees none"""
    forecast: Forecast
    """How long these were to take"""
    peak_memory_mb: int
    """Of all nodes together"""
    results: dict[str, EvalScore]
    """Driver (``expert``, ``policy``, ``random``, ``idle``) -> how it drove"""
    looks: Looks | None
    """How the policy drove the same worlds with its pictures and without them, in process"""


class Demo:
    """One run of the demonstration."""

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        self.contract = load_contract(config_file('tasks', options.task))
        _, config = load_config(config_file('train', options.config), self.contract.name)
        assert isinstance(config, ImitationConfig)
        self.episodes = options.episodes or config.demonstrations
        self.forecast = forecast(self.contract, config, self.episodes, options.episodes_eval,
                                 slowness())
        stamp = time.strftime('%Y%m%d-%H%M%S')
        self.folder = options.runs / f'{stamp}-demo-{self.contract.name}-{os.getpid()}'
        self.folder.mkdir(parents=True)
        self.base_seed = options.seed * world_seeds.PER_RUN
        self.peak_memory_mb = 0.0
        self.fleet = Fleet(self.folder / 'log')

    def run(self) -> DemoReport:
        """Do everything; nodes are gone when it returns or raises."""
        options = self.options
        with self.fleet, Session(self.still_alive) as session:
            self.fleet.start(self.loop_nodes())
            record_s, _ = self._timed(lambda: self.record(session))
            driven: dict[str, list[Driven]] = {}
            begin = time.monotonic()
            driven['expert'] = self._evaluate_expert(session)
            expert_s = time.monotonic() - begin
            train_s, checkpoint = self._timed(lambda: self._train(session))
            begin = time.monotonic()
            self.fleet.start([self._policy_node()])
            for name, target in (('policy', str(checkpoint)), ('random', 'random'),
                                 ('idle', 'idle')):
                def ready(target: str = target) -> None:
                    session.load_policy(target, seed=options.seed)
                    session.arm(True)

                driven[name] = self._drive_all(session, f'evaluate {name}', world_seeds.SCORE,
                                               options.episodes_eval, Source.POLICY, ready=ready)
            eval_s = expert_s + time.monotonic() - begin
        looks_s, looks = self._timed(lambda: self._looks(checkpoint))
        report = DemoReport(
            task=self.contract.name, seed=options.seed, episodes_recorded=self.episodes,
            episodes_eval=options.episodes_eval, record_s=round(record_s, 1),
            train_s=round(train_s, 1), eval_s=round(eval_s, 1), looks_s=round(looks_s, 1),
            forecast=self.forecast, peak_memory_mb=round(self.peak_memory_mb), looks=looks,
            results={name: score(episodes) for name, episodes in driven.items()})
        write_file(self.folder / 'report.json', json.dumps(asdict(report), indent=2) + '\n')
        draw_paths(self.folder / 'paths.png', f'{self.contract.name}: paths driven', driven,
                   self.contract.goal_radius_m)
        save_drives(self.folder / 'demo.gif', f'{self.contract.name}: the first worlds', driven,
                    self.contract.goal_radius_m)
        return report

    def loop_nodes(self) -> list[NodeSpec]:
        """Return everything but the policy: simulator, hand, arbiter, recorder, expert."""
        contract = {'contract': self.options.task, 'use_sim_time': True}
        return [
            NodeSpec('ilw_sim', 'sim_node', 'sim', {
                'contract': self.options.task, 'seed': self.base_seed,
                'real_time_factor': 0.0}),
            NodeSpec('ilw_teleop', 'teleop_node', 'teleop', contract),
            NodeSpec('ilw_teleop', 'arbiter_node', 'arbiter', contract),
            NodeSpec('ilw_teleop', 'recorder_node', 'recorder', {
                **contract, 'root': str(self.folder / 'demos'), 'operator': 'scripted expert'}),
            self._expert_node(imperfection=1.0),
        ]

    def _expert_node(self, imperfection: float) -> NodeSpec:
        return NodeSpec('ilw_sim', 'expert_node', 'expert', {
            'contract': self.options.task, 'use_sim_time': True,
            'seed': self.base_seed, 'imperfection': imperfection})

    def _policy_node(self) -> NodeSpec:
        return NodeSpec('ilw_learner', 'policy_node', 'policy', {
            'contract': self.options.task, 'use_sim_time': True, 'checkpoint': 'idle',
            'checkpoints': str(self.folder)})

    def record(self, session: Session) -> None:
        """Record the demonstrations; nodes that die are started again."""
        self._drive_all(session, 'record demonstrations', world_seeds.DEMONSTRATE,
                        self.episodes, Source.PERSON, record=True)

    def _evaluate_expert(self, session: Session) -> list[Driven]:
        self.fleet.stop('expert')
        self.fleet.start([self._expert_node(imperfection=0.0)])
        driven = self._drive_all(session, 'evaluate expert', world_seeds.SCORE,
                                 self.options.episodes_eval, Source.PERSON)
        self.fleet.stop('expert')
        return driven

    def _drive_all(
        self, session: Session, what: str, offset: int, count: int, source: Source, *,
        record: bool = False, ready: Callable[[], None] = lambda: None,
    ) -> list[Driven]:
        """
        Drive ``count`` episodes; one lost to a fault is driven again in the same world.

        :param source: who drives.
        :param ready: called before that, and when nodes were started again: they have forgotten.
        """
        driven: list[Driven] = []
        lost, fresh = 0, True
        while len(driven) < count:
            seed = self.base_seed + offset + len(driven)
            try:
                if fresh:
                    ready()
                    session.wait_for_driver(source, seed)
                    fresh = False
                driven.append(session.drive(seed, record=record, operator='scripted expert'))
                lost = 0
            except LoopError as error:
                lost += 1
                names = self.fleet.restart_dead()
                self.options.say(f'{what}: episode {len(driven) + 1} lost ({error}); '
                                 f'restarted {", ".join(names) or "nothing"}.')
                if lost >= _RETRIES:
                    raise
                fresh = fresh or bool(names)
                if 'recorder' in names:
                    session.status = None  # the dead one's; the new one says its own
                elif record:
                    session.keep_what_there_is()
            self._measure_memory()
            self.options.progress(what, len(driven), count)
        return driven

    def _train(self, session: Session) -> Path:
        told = self._learner(
            'train', '--demos', str(self.folder / 'demos' / self.contract.name),
            '--config', self.options.config, '--seed', str(self.options.seed),
            '--eval-seed', str(self.base_seed + world_seeds.CHOOSE),
            '--out', str(self.folder / 'training'))
        return Path(TrainSummary.from_json(told).checkpoint)

    def _looks(self, checkpoint: Path) -> Looks | None:
        """Drive the scored worlds again without pictures, in process; ``None``: it sees none."""
        if not self.contract.images:
            return None
        count = self.options.episodes_eval
        self.options.progress('evaluate without its pictures', 0, count)
        told = self._learner('eval', str(checkpoint), '--episodes', str(count),
                             '--seed', str(self.base_seed + world_seeds.SCORE))
        self.options.progress('evaluate without its pictures', count, count)
        return Looks.from_json(told['looks'])

    def _learner(self, *words: str) -> dict[str, Any]:
        """Return what a command of the learner says, run in a process of its own."""
        command = [sys.executable, '-P', '-m', 'ilw_learner.cli', *words, '--task',
                   self.options.task, '--json']
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr,
                              text=True) as process:
            try:
                output, _ = process.communicate()
            finally:
                process.terminate()  # where this one was asked to end; else it has ended
        if process.returncode != 0:
            raise IlwError(f'./ilw {words[0]} failed (exit code {process.returncode}); see above.')
        told: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        return told

    def still_alive(self) -> None:
        """Raise when a node has ended; called while waiting."""
        dead = self.fleet.dead()
        if dead:
            words = self.fleet.last_words(dead[0])
            raise LoopError(f'The node {dead[0]} ended. Its last words: {words or "none"}')

    def _measure_memory(self) -> None:
        self.peak_memory_mb = max(self.peak_memory_mb, self.fleet.memory_mb())

    @staticmethod
    def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
        begin = time.monotonic()
        result = work()
        return time.monotonic() - begin, result
