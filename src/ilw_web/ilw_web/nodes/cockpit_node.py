"""The page in the browser: joy out, what the robot does in. See ``server/server.py``."""

from collections.abc import Awaitable, Mapping
from pathlib import Path
import secrets
import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_ros.console import say
from ilw_ros.params import load
from ilw_ros.qos import EVENT
from ilw_ros.run import run_node
from ilw_teleop.joystick.layout import load_joystick
from ilw_web.jobs.jobs import Jobs
from ilw_web.jobs.known_folders import KnownFolders
from ilw_web.nodes.health_board import HealthBoard
from ilw_web.nodes.hearing import Hearing
from ilw_web.nodes.parameters import CockpitParams
from ilw_web.nodes.services import Services
from ilw_web.server.desk import Desk
from ilw_web.server.pages import Page
from ilw_web.server.reach import OWN, reach
from ilw_web.server.server import CockpitServer
from ilw_web.server.shelf import Shelf
from ilw_web.server.thread import ServerThread
from ilw_web.view.news import hello

GATHER_S = 0.05


class CockpitNode(Node):
    """Wires the server of the page to the graph. Publishes ``joy`` and nothing else."""

    def __init__(self) -> None:
        super().__init__('cockpit')
        params = load(self, CockpitParams)
        contract = load_contract(config_file('tasks', params.contract))
        joystick = load_joystick(config_file('joysticks', params.joystick))
        self._joy_pub = self.create_publisher(Joy, 'joy', EVENT)
        self._asked = Services(self)
        self._reach = reach(params.port, params.listen, params.cert, params.key, OWN)
        token = secrets.token_urlsafe(24)
        folders = KnownFolders(Path(params.demos), Path(params.runs), Path(params.deployed),
                               params.contract)
        shelf = Shelf(folders.runs)
        desk = Desk(folders, shelf.share)
        jobs = Jobs(folders, shelf.share, lambda: time.strftime('%Y%m%d-%H%M%S'))
        self._thread = ServerThread(lambda: CockpitServer(
            self._reach, token, self, joystick, Page(), desk.ask, jobs, shelf,
            hello(contract, joystick)))
        self.link = f'{self._reach.address}/#{token}'
        """Whoever has it may drive"""
        say(f'Cockpit: {self.link}')
        if self._reach.tls is not None:
            say(self._reach.opens)
        # A browser loads the page meanwhile.
        self._hearing, self._board = Hearing(self, contract), HealthBoard(self)
        self._turn, self._board_s = 0, 0.0
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(GATHER_S, self._on_gather, clock=steady)

    def joy(self, axes: list[float], buttons: list[int]) -> None:
        """Publish a joystick message; its stamp is empty: a page does not know the robot's."""
        joy = Joy(axes=axes, buttons=buttons)
        joy.header.frame_id = 'joy'
        self._joy_pub.publish(joy)

    def call(self, name: str, values: Mapping[str, str]) -> Awaitable[tuple[bool, str]]:
        """Call a service of arbiter or recorder, as ``Services.call``."""
        return self._asked.call(name, values)

    def _on_gather(self) -> None:
        if not self._thread.server.watched:
            return
        self._turn += 1
        texts, frames = self._hearing.gather(self._turn)
        if time.monotonic() - self._board_s >= 1.0:
            self._board_s = time.monotonic()
            texts['health'] = self._board.text(self._hearing.rates())
        if texts or frames:
            self._thread.tell(texts, frames)

    def farewell(self) -> None:
        """Let go of the stick, while it can still be heard."""
        self._thread.close()

    def destroy_node(self) -> None:
        """End the server before leaving."""
        self._thread.close()
        super().destroy_node()


def main() -> int:
    """Run the node."""
    return run_node(CockpitNode)
