"""Watch the command topic and everything that tells how the loop is; press the joystick."""

from collections.abc import Callable
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from nav_msgs.msg import Odometry
import numpy as np
import rclpy
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import Joy

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import speeds_of
from ilw_core.errors import IlwError
from ilw_faults.watched import Command, Watched
from ilw_msgs.msg import ActionChunk, ArbiterState, EpisodeEvent, EpisodeStatus, PolicyStatus
from ilw_ros.commands import CommandEar
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, LATCHED, REQUEST, STATE
from ilw_ros.spinning.executor import OneThreadExecutor
from ilw_ros.transport import start_ros
from ilw_teleop.joystick.layout import Joystick

JOY_HZ = 20.0


class Spy(Watched):
    """
    A node with a thread of its own: a gamepad that a test holds, and eyes on the graph.

    :param joystick: the layout that the teleop node reads.
    """

    def __init__(self, contract: Contract, joystick: Joystick) -> None:
        super().__init__(contract)
        self._joystick = joystick
        self.plugged = True
        """The gamepad is there"""
        self.message: tuple[list[float], list[int]] | None = None
        """Axes and buttons of another gamepad that is there instead; ``None``: it is not"""
        self._held: dict[str, float] = {}
        self._let_go = threading.Event()  # the teleop node has answered idle hands
        start_ros()
        self.node = rclpy.create_node('fault_spy')
        subscribe, action = self.node.create_subscription, contract.action
        CommandEar(self.node, action, self._on_action, 100)
        subscribe(ArbiterState, 'arbiter/state', self.states.append, 100)
        subscribe(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        subscribe(ActionChunk, 'teleop/action', self._on_teleop, REQUEST)
        subscribe(PolicyStatus, 'policy/status', self.hear_policy, EVENT)
        subscribe(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        subscribe(DiagnosticArray, '/diagnostics', self._on_diagnostics, 100)
        subscribe(Odometry, 'sim/ground_truth', self._on_truth, STATE)
        subscribe(ClockMessage, '/clock', self._on_clock, STATE)
        self._joy = self.node.create_publisher(Joy, 'joy', EVENT)
        self.node.create_timer(1.0 / JOY_HZ, self._on_joy)
        self._executor, self._ending = OneThreadExecutor(), threading.Event()
        self._executor.add_node(self.node)
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

    def every(self, period_s: float, work: Callable[[], None]) -> None:
        """Call something again and again, by the machine's clock."""
        self.node.create_timer(period_s, work, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def action_client(self, kind: Any, name: str) -> ActionClient:
        """Return a client of an action."""
        return ActionClient(self.node, kind, name)

    # -- the hand

    def hold(self, **controls: float) -> None:
        """Hold these controls of the layout: sticks with their deflection, buttons with 1."""
        self._held = controls

    def grip(self, timeout_s: float, **controls: float) -> None:
        """
        Let go, wait until the teleop node has seen it (or raise), and hold these controls.

        A deadman that is held when a joystick appears does not count before that.
        """
        self._held = {}
        time.sleep(2.0 / JOY_HZ)  # what it answers now is to what was held before
        self._let_go.clear()
        if not self._let_go.wait(timeout_s):
            raise IlwError(f'The teleop node has not answered idle hands for {timeout_s:.0f} s. '
                           f'{self.says()}')
        self._held = controls

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender == 'teleop':
            self.marks.append(event)

    def _on_teleop(self, chunk: ActionChunk) -> None:
        self.teleop_heard.set()
        if not chunk.active:
            self._let_go.set()

    def _on_joy(self) -> None:
        if not self.plugged:
            return
        stick = self._joystick
        axes, buttons = self.message or stick.at_rest()
        for control, value in ({} if self.message else self._held).items():
            if control in ('forward', 'turn'):
                axes[stick.axis(control)] = value
            else:
                stick.press(control, axes, buttons)
        self._joy.publish(Joy(axes=axes, buttons=buttons))

    # -- the eyes

    def _on_action(self, stamped_ns: int | None, values: list[float]) -> None:
        self.heard += 1
        self.commands.append(Command(time.monotonic(), stamped_ns or 0, np.array(values)))

    def _on_status(self, status: EpisodeStatus) -> None:
        self.statuses.append((time.monotonic(), status))

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        now = time.monotonic()
        self.errors += [(now, f'{s.name}: {s.message}') for s in array.status
                        if s.level == DiagnosticStatus.ERROR]

    def _on_clock(self, clock: ClockMessage) -> None:
        self.clock_ns = stamp_ns(clock.clock)
        self.clock.append((time.monotonic(), self.clock_ns))

    def _on_truth(self, truth: Odometry) -> None:
        self.speeds.append((time.monotonic(), *speeds_of(truth.twist.twist)))
