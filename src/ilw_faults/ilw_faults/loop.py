"""The loop that faults are injected into: simulator, joystick, arbiter, policy, recorder."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
import os
from pathlib import Path
import signal
import time
from typing import Any

from mcap.reader import make_reader
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from ilw_bringup.asking import call
from ilw_bringup.loading import load
from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.processes import Fleet
from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.files import open_regular
from ilw_core.storage.locate import config_file
from ilw_faults.nodes.relay import Relay, raw_name
from ilw_faults.nodes.spy import Spy
from ilw_faults.row import Seen
from ilw_faults.witness import Witness, simulated_s
from ilw_msgs.msg import EpisodeStatus
from ilw_msgs.srv import DiscardEpisode, ResetSim, StartEpisode, StopEpisode
from ilw_ros.convert import message_class, stamp_ns
from ilw_teleop.joystick.layout import load_joystick

TASK = 'clutter'
DRIVE = {'deadman': 1.0, 'turbo': 1.0, 'forward': 1.0, 'turn': 0.8}
"""A circle of 0.4 m; in front of an obstacle it goes on turning in place"""

LATENCY_S = 0.03
"""Of one message: the arbiter looks every 10 ms, DDS takes a few. Beyond it only what a bystander
on the same machine was late counts"""

_BETWEEN_TICKS_S = 0.02
"""What a clock of 100 Hz cannot tell of the time between two instants"""

_STOOD_MOST_S = 10.0
"""So long may it stand for another reason before it sees what only one that moves can"""
_STAYS_S = 0.5
"""A stop that lasts so long stays"""


class Loop:
    """
    Real nodes over real DDS; a context manager.

    :param folder: receives logs and episodes; ``place``, an empty one in it, what a row writes.
    :param task: a contract in ``config/tasks``; ``robot``: who does it, in ``config/robots``.
    :param with_policy: a random policy runs, disarmed.
    :param with_teleop: ``False``: it runs elsewhere; two would both drive.
    :param through_spy: topics that the spy's relay passes on, ``/clock`` among them.
    :param real_time_factor: as the simulator's.
    """

    def __init__(self, folder: Path, *, task: str = TASK, robot: str = 'sim_diff_drive',
                 with_policy: bool = False, with_teleop: bool = True, record: bool = True,
                 through_spy: tuple[str, ...] = (), real_time_factor: float = 1.0) -> None:
        self.folder = self.place = folder
        self.contract = load_contract(config_file('tasks', task))
        self.fleet = Fleet(folder / 'log')
        clock = {'use_sim_time': True}
        self.specs = {spec.name: spec for spec in (
            NodeSpec('ilw_sim', 'sim_node', 'sim', {
                'contract': task, 'real_time_factor': real_time_factor, 'auto_reset': True},
                remappings={topic: raw_name(topic) for topic in through_spy}),
            NodeSpec('ilw_teleop', 'arbiter_node', 'arbiter',
                     {'contract': task, 'robot': robot, **clock}))}
        if with_teleop:
            self.specs['teleop'] = NodeSpec('ilw_teleop', 'teleop_node', 'teleop', {
                'contract': task, **clock})
        if record:
            self.specs['recorder'] = NodeSpec('ilw_teleop', 'recorder_node', 'recorder', {
                'contract': task, 'root': str(folder / 'demos'), 'min_free_mb': 0, **clock})
        if with_policy:
            self.specs['policy'] = NodeSpec('ilw_learner', 'policy_node', 'policy', {
                'contract': task, 'checkpoint': 'random', 'checkpoints': str(folder), **clock})
        self._saved: dict[Path, int] = {}
        self._through = through_spy

    def __enter__(self) -> 'Loop':
        self.meet()
        try:
            self.fleet.start(list(self.specs.values()))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.part()
        self.fleet.stop()

    def meet(self) -> None:
        """Join the graph: a hand and eyes that have touched and seen nothing yet."""
        self.spy = Spy(self.contract, load_joystick(config_file('joysticks', 'xbox')))
        self._witness = Witness()
        kinds = {'/clock': Clock, **{topic: message_class(kind) for topic, kind
                                     in self.contract.topics.items()}}
        self._relays = [Relay(self.spy.node, topic, kinds[topic]) for topic in self._through]

    def part(self) -> None:
        """Leave the graph, with all that was published and relayed; the nodes go on."""
        self._witness.close()
        self.spy.close()

    @property
    def relay(self) -> Relay:
        """What passes on the one topic that goes through the spy."""
        (relay,) = self._relays
        return relay

    def renew(self) -> None:
        """
        Bring nodes that run back to how they begin: nobody drives, nothing is recorded, world 0.

        :raises IlwError: one of them is not so in time, or somebody else is on the graph.
        """
        if self.fleet.dead() or self.fleet.restarts:
            raise IlwError('A node has ended.')
        if 'recorder' in self.specs:
            self.call(DiscardEpisode, 'record/discard', DiscardEpisode.Request())
        for name in ('disarm', 'reset'):
            self.call(Trigger, f'arbiter/{name}', Trigger.Request(), again=True)
        if 'policy' in self.specs and load(self.call, 'random').error_code:
            raise IlwError('The policy node does not load "random".')
        begun_ns = stamp_ns(self.call(ResetSim, 'sim/reset', ResetSim.Request()).stamp)
        told = len(self.spy.states)
        self.until(lambda: self.spy.clock_ns > begun_ns and len(self.spy.states) > told
                   and self._at_rest(), 5.0, 'the nodes to be as they begin')

    def _at_rest(self) -> bool:
        spy, state = self.spy, self.spy.states[-1]
        publishers = {'policy/action': int('policy' in self.specs), 'teleop/action': 1,
                      'joy': 1, **dict.fromkeys(self.contract.action.topics, 1)}
        return (not state.armed and not state.estopped and not spy.moving()
                and ('recorder' not in self.specs or bool(spy.status and spy.status.phase in (
                    EpisodeStatus.PHASE_WAITING, EpisodeStatus.PHASE_READY)))
                and all(spy.node.count_publishers(topic) == count
                        for topic, count in publishers.items()))

    # -- doing

    def call(self, kind: Any, name: str, request: Any, timeout_s: float = 10.0, *,
             again: bool = False) -> Any:
        """
        Call a service and return its response.

        :param again: ask again now and then; for requests that do no harm twice.
        :raises IlwError: it does not answer in time.
        """
        return call(self.spy.node, kind, name, request, self.until, timeout_s, again=again)

    def until(self, done: Callable[[], Any], timeout_s: float, what: str) -> None:
        """Wait for something; :raises IlwError: in vain; says what the nodes do instead."""
        self.spy.until(done, timeout_s, what)

    def arm(self) -> None:
        """Let the policy drive; waits until it does."""
        self.until(lambda: any(s.requested and 'disarmed' in s.reasons
                               for s in self.spy.states[-5:]), 30.0, 'the policy to ask')
        answer = self.call(Trigger, 'arbiter/arm', Trigger.Request(), again=True)
        if not answer.success:
            raise IlwError(answer.message)
        self.until(self.spy.moving, 10.0, 'the policy to drive')

    def drive(self) -> None:
        """Let the person drive, in circles; waits until the robot does."""
        self.spy.grip(15.0, **DRIVE)
        self.until(self.spy.moving, 15.0, 'the person to drive')

    def begin_an_episode(self) -> None:
        """Start to record; asked again while the recorder is not done with the one before."""
        why = ['it has said nothing yet']

        def begun() -> bool:
            if self.spy.status is None or self.spy.status.phase != 2:
                return False
            why[0] = self.call(StartEpisode, 'record/start', StartEpisode.Request()).error_msg
            return not why[0]

        try:
            self.until(begun, 15.0, 'the recorder')
        except IlwError as error:
            raise IlwError(f'{error} It says: {why[0]}') from error

    def save_an_episode(self, seconds: float = 0.5) -> None:
        """Record while somebody drives, and remember what was saved."""
        self.begin_an_episode()
        time.sleep(seconds)
        self.call(StopEpisode, 'record/stop', StopEpisode.Request(outcome=1))
        for index in (self.folder / 'demos').glob('*/*/metadata.yaml'):
            if index.parent not in self._saved:
                self._saved[index.parent] = _messages(next(index.parent.glob('*.mcap')))

    def late_s(self, since_s: float) -> float:
        """Return by how much the machine itself was late since an instant, at worst."""
        return self._witness.late_s(since_s)

    def longest_gap_s(self, after_s: float) -> float:
        """Return the longest time between two commands, from the last one before an instant on."""
        at = [c.at_s for c in self.spy.commands]
        return max((b - a for a, b in pairwise(at) if b > after_s), default=float('inf'))

    def strike(self, name: str, number: int) -> float:
        """Send a signal to a node; returns when, on the steady clock."""
        os.kill(self.fleet.pid(name), number)
        return time.monotonic()

    def bring_back(self, name: str, number: int) -> None:
        """Undo a strike: a killed node is started anew, a stopped one goes on."""
        if number == signal.SIGKILL:
            self.fleet.restart_dead()
        else:
            self.strike(name, signal.SIGCONT)

    def now_ns(self) -> int:
        """Return the simulated time, as last heard."""
        return self.spy.clock_ns

    # -- judging

    def lost(self) -> int:
        """Return how many saved episodes are gone or no longer whole."""
        return sum(not path.is_dir() or _messages(next(path.glob('*.mcap'))) != messages
                   for path, messages in self._saved.items())

    def seen(self, observed: str, reaction_s: float | None, ok: bool) -> Seen:
        """Judge what was seen; commands outside limits and lost episodes make it fail."""
        outside, lost = self.spy.outside(), self.lost()
        if outside:
            observed += f'; OUTSIDE LIMITS: {outside[0]} ({len(outside)} in all)'
        observed += f'; {self.spy.heard} commands, {len(outside)} outside limits'
        reaction = None if reaction_s is None else round(1000 * reaction_s, 1)
        return Seen(observed, reaction, lost, ok and not outside and not lost)

    def watch(self, at_s: float, *, bound_s: float, watch_s: float = 1.5,
              seen: Callable[[], Any] | None = None) -> 'Stop':
        """
        Watch until so long after the fault; returns when the command became the stop action.

        :param bound_s: on a machine that is never late; what it was late then, or simulated time
            was slower than the wall's, is added.
        :param seen: whether the fault was. Only a robot that moves can see it: what it stood for
            another reason meanwhile counts as no time, and is watched on.
        """
        time.sleep(max(0.0, at_s + watch_s - time.monotonic()))
        if seen is not None:
            self._watch_on(at_s, watch_s, seen)
        stopped = self.spy.stopped_at(at_s)
        if stopped is None:
            return Stop(None, bound_s)
        slower_s = (stopped - at_s - simulated_s(self.spy.clock, at_s, stopped)
                    - _BETWEEN_TICKS_S)
        reaction_s = stopped - at_s if seen is None else self.spy.driven_s(at_s, stopped)
        return Stop(reaction_s, bound_s + max(0.0, slower_s, self.late_s(at_s)))

    def _watch_on(self, at_s: float, watch_s: float, seen: Callable[[], Any]) -> None:
        """Watch until the fault was seen, or should have been by what it drove; then a little."""
        while not seen():
            now = time.monotonic()
            if self.spy.driven_s(at_s, now) >= watch_s or now >= at_s + watch_s + _STOOD_MOST_S:
                return
            time.sleep(0.01)
            if seen():
                time.sleep(_STAYS_S)

    def stopped(self, stop: 'Stop', *, more: str = '', ok: bool = True) -> Seen:
        """Judge by when the robot was told to stop."""
        return self.seen(stop.text + more, stop.reaction_s, ok and stop.in_time)

    @property
    def two_periods_s(self) -> float:
        """Two contract periods."""
        return 2 * self.contract.period_ns / 1e9


@dataclass(frozen=True)
class Stop:
    """When the command became the stop action, after a fault."""

    reaction_s: float | None
    """``None``: it never did"""
    bound_s: float

    @property
    def in_time(self) -> bool:
        """Whether that was soon enough."""
        return self.reaction_s is not None and self.reaction_s <= self.bound_s

    @property
    def text(self) -> str:
        """A few words with the numbers."""
        if self.reaction_s is None:
            return 'never stopped'
        return (f'stop action after {1000 * self.reaction_s:.0f} ms '
                f'(bound {1000 * self.bound_s:.0f})')


def _messages(bag: Path) -> int:
    with open_regular(bag) as stream:
        return sum(1 for _ in make_reader(stream).iter_messages())
