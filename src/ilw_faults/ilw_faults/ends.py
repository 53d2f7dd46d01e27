"""End what drives the robot, in every way and at any moment, and see what it did last."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import random
import shutil
import signal
import time
from typing import Any

from action_msgs.msg import GoalStatus
import numpy as np
from std_srvs.srv import Trigger

from ilw_bringup.asking import call
from ilw_bringup.start.bringup import NodeSpec
from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_faults.crew import Crew, require
from ilw_faults.loop import DRIVE, LATENCY_S, TASK
from ilw_faults.nodes.spy import Spy
from ilw_faults.nodes.stand_in import COMMAND_TIMEOUT_S, StandIn
from ilw_msgs.action import RunPolicy
from ilw_teleop.joystick.layout import load_joystick

CANCEL, TIMEOUT = 'RunPolicy cancelled', 'RunPolicy timed out'
CTRL_C, SIGTERM = 'Ctrl-C while driving', 'SIGTERM while driving'
LAUNCHER = 'launcher killed (SIGKILL) while driving'
KINDS = (CANCEL, TIMEOUT, CTRL_C, SIGTERM, LAUNCHER)
_END_S = 15.0
"""So long nodes may take to end, on a machine that many share; the robot stands long before"""


@dataclass(frozen=True)
class End:
    """What one end did."""

    kind: str
    driver: str
    """``person`` or ``policy``"""
    reaction_s: float | None
    """To the stop action, after which nothing else came; ``None``: it was not the last command"""
    by_itself: bool
    """The robot's own time-out stopped it"""
    trouble: list[str]
    """What is wrong, a line each: tracebacks, exit codes, a policy still armed"""
    left: list[str]
    """What was left behind"""

    @property
    def ok(self) -> bool:
        """Whether the robot stands, nothing was left and nothing went wrong."""
        return (self.reaction_s is not None or self.by_itself) and not (self.trouble or self.left)


class Ends:
    """
    A stand-in for a robot, and nodes that drive it until they are ended; a context manager.

    :param folder: receives the nodes' output; of starts without trouble it is removed again.
    """

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self._folder, self._rng = folder, rng
        self.contract = load_contract(config_file('tasks', TASK))
        self._specs = (
            NodeSpec('ilw_teleop', 'arbiter_node', 'arbiter',
                     {'contract': TASK, 'robot': 'sim_diff_drive'}),
            NodeSpec('ilw_teleop', 'teleop_node', 'teleop', {'contract': TASK}),
            NodeSpec('ilw_learner', 'policy_node', 'policy',
                     {'contract': TASK, 'checkpoint': 'random'}))
        self._crew: Crew | None = None
        self._starts = self._outside = 0

    def __enter__(self) -> 'Ends':
        self.spy = Spy(self.contract, load_joystick(config_file('joysticks', 'xbox')))
        self.robot = StandIn(self.spy.node, self.contract, self._rng.getrandbits(32))
        self._run = self.spy.action_client(RunPolicy, 'policy/run')
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()
        self.spy.close()

    def end(self, kind: str, driver: str) -> End:
        """
        Have the robot driven, and end that.

        :raises IlwError: it did not come to be driven.
        """
        self.drive(driver)
        time.sleep(self._rng.uniform(0.0, 0.4))
        if kind in (CANCEL, TIMEOUT):
            return self._end_run(kind)
        return self._end_nodes(kind, driver)

    @property
    def running(self) -> bool:
        """Whether nodes run that the next drive takes over."""
        return self._crew is not None

    def drive(self, driver: str, *, everybody: bool = False) -> None:
        """
        Have a person or the policy drive; waits until it does.

        :param everybody: start the nodes of both, not only of who drives.
        """
        if self._crew is None:
            without = {'person': 'policy', 'policy': 'teleop'}[driver]
            self._starts += 1
            self.spy.trim()
            self.spy.states.clear()
            self._crew = Crew(
                [spec for spec in self._specs if everybody or spec.name != without],
                self._folder / f'{self._starts:04d}', tied=self._rng.random() < 0.5)
        if driver == 'person':
            self.spy.grip(60.0, **DRIVE)
        else:
            self.spy.hold()
            self.until(lambda: any(s.requested for s in self.spy.states[-3:]), 60.0,
                       'the policy to ask')
            answer = self.call(Trigger, 'arbiter/arm', Trigger.Request())
            require(answer.success, answer.message)
        self.until(lambda: self.spy.moving() and self.robot.moves, 60.0, f'the {driver} to drive')

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service and return its response; :raises IlwError: none came in time."""
        return call(self.spy.node, kind, name, request, self.until, 20.0, again=True)

    def until(self, done: Callable[[], Any], timeout_s: float, what: str) -> None:
        """Wait for something; :raises IlwError: in vain."""
        self.spy.until(done, timeout_s, what)

    def forget(self) -> None:
        """End the nodes; the next drive starts new ones."""
        if self._crew is not None:
            self._crew.close()
        self._crew = None

    # -- how it is ended

    def _end_run(self, kind: str) -> End:
        timeout_s = self._rng.uniform(0.2, 0.6) if kind == TIMEOUT else 0.0
        self.until(self._run.server_is_ready, 20.0, 'the action policy/run')
        sent = self._run.send_goal_async(RunPolicy.Goal(timeout_s=timeout_s))
        self.until(sent.done, 10.0, 'an answer of policy/run')
        at, goal = time.monotonic() + timeout_s, sent.result()
        require(goal.accepted, 'policy/run refused the goal.')
        result = goal.get_result_async()
        if kind == CANCEL:
            time.sleep(self._rng.uniform(0.0, 0.4))
            at = time.monotonic()
            goal.cancel_goal_async()
        self.until(result.done, 10.0, 'the result of policy/run')
        after = time.monotonic()
        time.sleep(2.5 * self.contract.period_ns / 1e9)  # it would drive on by now
        wanted = GoalStatus.STATUS_CANCELED if kind == CANCEL else GoalStatus.STATUS_SUCCEEDED
        trouble = []
        if result.result().status != wanted:
            trouble.append(f'the goal ended with status {result.result().status}')
        if self.spy.states[-1].armed:
            trouble.append('the policy is still armed')
        if any(c.at_s > after + LATENCY_S and np.any(c.values) for c in self.spy.commands[-20:]):
            trouble.append('it drove on after the result')
        return self._seen(kind, 'policy', at, trouble, [])

    def _end_nodes(self, kind: str, driver: str) -> End:
        crew = self._crew
        assert crew is not None
        crew.note_memory()
        at = time.monotonic()
        for _ in range(self._rng.choice((1, 1, 2, 3))):
            if kind == CTRL_C:
                crew.interrupt()
            elif kind == SIGTERM:
                crew.strike(signal.SIGTERM)
            elif kind == LAUNCHER:
                crew.strike_launcher(signal.SIGKILL)
            time.sleep(self._rng.choice((0.0, 0.01, 0.1)))
        ended = crew.wait(_END_S)
        self.spy.hold()
        time.sleep(0.1)  # what was sent last arrives
        trouble = crew.trouble()
        if not ended:
            trouble.append(f'{crew.alive()} went on for {_END_S:g} s')
        elif kind != LAUNCHER and crew.code() != 0:
            trouble.append(f'exit code {crew.code()}')
        if self.robot.moves:  # not told to stop: does it by itself?
            time.sleep(COMMAND_TIMEOUT_S + 0.2)
        end = self._seen(kind, driver, at, trouble, crew.left())
        crew.close()
        self._crew = None
        if end.ok:
            shutil.rmtree(self._folder / f'{self._starts:04d}')
        return end

    def _seen(self, kind: str, driver: str, at_s: float, trouble: list[str],
              left: list[str]) -> End:
        stopped = self.spy.stopped_at(at_s)
        by_itself = self.robot.stood_by_itself_s > at_s and not self.robot.moves
        outside = self.spy.outside()
        trouble += outside[self._outside:]  # of this end; the spy remembers all
        self._outside = len(outside)
        return End(kind, driver, None if stopped is None else stopped - at_s, by_itself, trouble,
                   left)


def run_ends(folder: Path, number: int, seed: int, told: Callable[[int, End], None]) -> list[End]:
    """
    End what drives so many times, in ways and at moments drawn by chance.

    :param told: called with the count and each end.
    """
    rng, ends, person = random.Random(seed), [], False
    with Ends(folder, rng) as scene:
        for count in range(1, number + 1):
            kind = rng.choice(KINDS)
            driver = 'policy'
            if not scene.running:  # by turns; a run is always the policy's
                person = not person
                driver = 'person' if person and kind not in (CANCEL, TIMEOUT) else 'policy'
            try:
                end = scene.end(kind, driver)
            except IlwError as error:
                end = End(kind, 'nobody', None, False, [str(error)], [])
                scene.forget()
            ends.append(end)
            told(count, end)
    return ends
