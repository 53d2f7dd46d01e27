"""The scripted expert on the graph: it sees the truth, and only presses the stick."""

from dataclasses import dataclass
import sys
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import EpisodeEvent, EpisodeStatus
from ilw_ros.convert import stamp_ns
from ilw_ros.params import load, param
from ilw_ros.qos import EVENT, LATCHED
from ilw_ros.run import run_node
from ilw_sim.arm.hand import ArmHand
from ilw_sim.arm.tasks import is_arm
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.hand import Pressed
from ilw_sim.driver.stick import Stick
from ilw_sim.nodes.expert_ears import ArmEars, BaseEars


@dataclass(frozen=True)
class ExpertParams:
    """Parameters of the expert."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    seed: int = param(0, 'Seed of style and mistakes.', low=0, high=2 ** 53)
    imperfection: float = param(
        1.0, '0: as well as it can; 1: varied and erring as a person.', low=0.0, high=1.0)
    joystick: str = param('xbox', 'Layout: a name in config/joysticks, or a path.')
    record: bool = param(False, 'Press start before each episode, and drive what is recorded.')


class ExpertNode(Node):
    """Publishes ``joy``, one sample per tick of an episode, and nothing else."""

    def __init__(self, **options: Any) -> None:
        super().__init__('expert', **options)
        p = load(self, ExpertParams)
        contract = load_contract(config_file('tasks', p.contract))
        drives = {'seed': p.seed, 'imperfection': p.imperfection, 'records': p.record}
        stick = Stick(config_file('joysticks', p.joystick))
        self._joy = self.create_publisher(Joy, 'joy', EVENT)
        self._hand: ArmHand | StickDriver
        if is_arm(contract):
            hand = self._hand = ArmHand(contract, stick, **drives)
            self._ears: Any = ArmEars(
                self.create_subscription, hand.objects,
                lambda stamp, seen: self._press(stamp, hand.on_tick(stamp_ns(stamp), seen)))
        else:
            self._hand = StickDriver(contract, stick, **drives)
            self._ears = BaseEars(self, self._hand, self._press)
        self.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        self.create_subscription(EpisodeStatus, 'episode/status', self._on_status, LATCHED)

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender == 'sim' and event.kind == EpisodeEvent.KIND_RESET:
            self._hand.on_reset()
        elif event.sender == 'sim' and event.kind == EpisodeEvent.KIND_STOP:
            self._hand.on_stop()

    def _on_status(self, status: EpisodeStatus) -> None:
        self._hand.on_recorder(status.episode,
                               recording=status.phase == EpisodeStatus.PHASE_RECORDING,
                               ready=status.phase == EpisodeStatus.PHASE_READY)

    def _press(self, stamp: Any, pressed: list[Pressed]) -> None:
        for axes, buttons in pressed:
            joy = Joy(axes=axes, buttons=buttons)
            joy.header.stamp = stamp
            self._joy.publish(joy)


def main() -> None:
    """Run the expert."""
    sys.exit(run_node(ExpertNode))
