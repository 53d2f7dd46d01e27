"""Have the simulator begin its world, and the time limit, anew when a person begins a take."""

from rclpy.node import Node
from rclpy.task import Future

from ilw_core.text.printable import printable
from ilw_msgs.msg import EpisodeEvent
from ilw_msgs.srv import ResetSim


class WorldReset:
    """Asks for the same world again, or the next one where a take of this one was kept."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._client = node.create_client(ResetSim, 'sim/reset')
        self._episode, self._kept, self._moved_on = '', False, False

    def note(self, event: EpisodeEvent) -> None:
        """Take in an event: the simulator may have gone on to another world by itself."""
        if event.kind == EpisodeEvent.KIND_RESET:
            self._moved_on = event.episode != self._episode

    def ended(self, *, kept: bool) -> None:
        """Take in that a take ended."""
        self._kept = kept

    def begin(self, episode: str) -> None:
        """Begin the world for a take; without a simulator that can, it goes on as it is."""
        following = self._kept and not self._moved_on
        self._episode, self._kept = episode, False
        if self._client.service_is_ready():
            self._client.call_async(ResetSim.Request(
                keep_seed=not following, next_seed=following, episode=episode,
            )).add_done_callback(self._on_answer)

    def _on_answer(self, future: Future) -> None:
        answer = future.result()
        if answer is not None and answer.error_code:
            self._node.get_logger().error(
                f'The world was not begun anew: {printable(answer.error_msg)} Discard this take.')
