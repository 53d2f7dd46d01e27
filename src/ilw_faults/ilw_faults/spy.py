"""Watch the command topic and everything that tells how the loop is; press the joystick."""

from collections import deque
from dataclasses import dataclass
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from nav_msgs.msg import Odometry
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Joy

from ilw_core.contract.file import Contract
from ilw_msgs.msg import ActionChunk, ArbiterState, EpisodeEvent, EpisodeStatus
from ilw_ros.convert import get_field, message_class, stamp_ns
from ilw_ros.qos import EVENT, LATCHED, REQUEST, STATE
from ilw_ros.transport import start_ros
from ilw_teleop.joystick.layout import Joystick

JOY_HZ = 20.0
_SAFE = {'obstacle', 'near', 'unseen', 'workspace', 'blind', 'wheels'}
"""With one of these reasons a command may fall faster than the rate limit"""


@dataclass(frozen=True)
class Command:
    """One message on the command topic."""

    at_s: float
    """When it arrived, steady clock"""
    stamp_ns: int
    values: np.ndarray
    """(Da,)"""


class Spy:
    """
    A node with a thread of its own: a gamepad that a test holds, and eyes on the graph.

    :param joystick: the layout that the teleop node reads.
    """

    def __init__(self, contract: Contract, joystick: Joystick) -> None:
        self._contract, self._joystick = contract, joystick
        self._stop = np.zeros(contract.action.dim)
        self.commands: list[Command] = []
        self.heard = 0
        """Commands since the start; ``trim`` forgets what they were"""
        self._outside: list[str] = []
        self.states: list[ArbiterState] = []
        self.statuses: list[tuple[float, EpisodeStatus]] = []
        """(arrival, what the recorder said)"""
        self.errors: list[tuple[float, str]] = []
        """(arrival, text) of diagnostics at level ERROR"""
        self.speeds: list[tuple[float, float, float]] = []
        """(arrival, m/s, rad/s) the robot really moves at"""
        self.clock_ns = 0
        """Simulated time, as last heard"""
        self.clock: deque[tuple[float, int]] = deque(maxlen=3000)
        """(arrival, simulated time), the last of it"""
        self.plugged = True
        """The gamepad is there"""
        self.message: tuple[list[float], list[int]] | None = None
        """Axes and buttons of another gamepad that is there instead; ``None``: it is not"""
        self.marks: list[EpisodeEvent] = []
        """What the teleop node told the recorder"""
        self._held: dict[str, float] = {}
        self._let_go = threading.Event()
        """The teleop node has answered idle hands"""
        start_ros()
        self.node = rclpy.create_node('fault_spy')
        subscribe = self.node.create_subscription
        subscribe(message_class(contract.action.type), contract.action.topic, self._on_command,
                  100)
        subscribe(ArbiterState, 'arbiter/state', self.states.append, 100)
        subscribe(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        subscribe(ActionChunk, 'teleop/action', self._on_teleop, REQUEST)
        subscribe(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        subscribe(DiagnosticArray, '/diagnostics', self._on_diagnostics, 100)
        subscribe(Odometry, 'sim/ground_truth', self._on_truth, STATE)
        subscribe(Clock, '/clock', self._on_clock, STATE)
        self._joy = self.node.create_publisher(Joy, 'joy', EVENT)
        self.node.create_timer(1.0 / JOY_HZ, self._on_joy)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, name='spy', daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        while not self._ending.is_set() and rclpy.ok():
            try:
                self._executor.spin_once(timeout_sec=0.05)
            except Exception as error:  # a spy that goes deaf would blame the nodes
                self.node.get_logger().error(f'Went on after {error!r}.')

    def close(self) -> None:
        """Leave the graph."""
        self._ending.set()
        self._thread.join(5.0)
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()

    # -- the hand

    def hold(self, **controls: float) -> None:
        """Hold these controls of the layout: sticks with their deflection, buttons with 1."""
        self._held = controls

    def grip(self, timeout_s: float, **controls: float) -> None:
        """
        Let go, wait until the teleop node has seen it, and hold these controls.

        A deadman that is held when a joystick appears does not count before that.
        """
        self._held = {}
        time.sleep(2.0 / JOY_HZ)  # what it answers now is to what was held before
        self._let_go.clear()
        self._let_go.wait(timeout_s)
        self._held = controls

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender == 'teleop':
            self.marks.append(event)

    def _on_teleop(self, chunk: ActionChunk) -> None:
        if not chunk.active:
            self._let_go.set()

    def _on_joy(self) -> None:
        if not self.plugged:
            return
        if self.message is not None:
            self._joy.publish(Joy(axes=self.message[0], buttons=self.message[1]))
            return
        stick = self._joystick
        axes, buttons = stick.at_rest()
        for control, value in self._held.items():
            if control in ('forward', 'turn'):
                axes[stick.axis(control)] = value
            else:
                stick.press(control, axes, buttons)
        self._joy.publish(Joy(axes=axes, buttons=buttons))

    # -- the eyes

    def _on_command(self, message: Any) -> None:
        self.heard += 1
        values = np.array([get_field(message, name) for name in self._contract.action.names])
        self.commands.append(Command(time.monotonic(), stamp_ns(message.header.stamp), values))

    def _on_status(self, status: EpisodeStatus) -> None:
        self.statuses.append((time.monotonic(), status))

    @property
    def status(self) -> EpisodeStatus | None:
        """What the recorder said last."""
        return self.statuses[-1][1] if self.statuses else None

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        now = time.monotonic()
        self.errors += [(now, f'{s.name}: {s.message}') for s in array.status
                        if s.level == DiagnosticStatus.ERROR]

    def _on_clock(self, clock: Clock) -> None:
        self.clock_ns = stamp_ns(clock.clock)
        self.clock.append((time.monotonic(), self.clock_ns))

    def _on_truth(self, truth: Odometry) -> None:
        twist = truth.twist.twist
        self.speeds.append((time.monotonic(), twist.linear.x, twist.angular.z))

    # -- what was seen

    def says(self) -> str:
        """Return what the nodes said last of themselves, in a sentence each."""
        said = 'The arbiter: nothing heard.'
        if self.states:
            last = self.states[-1]
            said = (f'The arbiter: {"armed" if last.armed else "not armed"}, driven by '
                    f'{last.source}, reasons {list(last.reasons)}'
                    f'{last.estop_why and f" ({last.estop_why})"}.')
        since = time.monotonic() - 5.0
        return ' '.join([said, f'Commands: {self.heard}.',
                         *sorted({text for at, text in self.errors if at > since})])

    def moving(self, within_s: float = 0.25) -> bool:
        """Tell whether the newest commands move the robot."""
        now = time.monotonic()
        recent = [c for c in self.commands[-10:] if now - c.at_s < within_s]
        return bool(recent) and not np.array_equal(recent[-1].values, self._stop)

    def stopped_at(self, after_s: float) -> float | None:
        """Return when the command became the stop action and stayed so; ``None``: it did not."""
        found = None
        for command in list(self.commands):
            if not np.array_equal(command.values, self._stop):
                found = None
            elif found is None:
                found = max(command.at_s, after_s)  # at once, where it stood already
        return found

    def trim(self) -> None:
        """Judge what was seen so far and forget it, so that a long run needs no more memory."""
        self._outside = self.outside()
        del self.commands[:-1], self.states[:-100], self.speeds[:-100], self.statuses[:-1]

    def outside(self) -> list[str]:
        """Return what commands left the contract's range or rate, a sentence each."""
        action, found = self._contract.action, list(self._outside)
        reasons: dict[int, tuple[set[str], int]] = {}
        for state in list(self.states):  # in simulated time several decisions have one stamp
            at = stamp_ns(state.header.stamp)
            reasons[at] = (reasons.get(at, (set(), 0))[0] | set(state.reasons), state.source)
        before: Command | None = None
        for command in list(self.commands):
            low = command.values < action.low - 1e-9
            high = command.values > action.high + 1e-9
            if np.any(low | high) or not np.all(np.isfinite(command.values)):
                found.append(f'{command.values} is out of range')
            if before is not None and command.stamp_ns > before.stamp_ns:
                seconds = max((command.stamp_ns - before.stamp_ns) / 1e9,
                              command.at_s - before.at_s)
                change = np.abs(command.values - before.values)
                fast = change > action.max_rate * seconds + 1e-3 * action.max_rate + 1e-6
                why, source = reasons.get(command.stamp_ns, (set(), 1))
                braking = np.abs(command.values) <= np.abs(before.values)
                stopping = np.array_equal(command.values, self._stop)
                if np.any(fast & ~braking) or (
                        np.any(fast) and not stopping and not why & _SAFE and source in (1, 2)):
                    found.append(f'{before.values} to {command.values} in {seconds:.3f} s')
            before = command
        return found
