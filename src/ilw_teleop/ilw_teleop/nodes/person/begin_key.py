"""Begin a take at a person's button: when the recorder is ready, in a world that begins anew."""

import time

from rclpy.node import Node

from ilw_msgs.msg import EpisodeEvent
from ilw_teleop.nodes.person.world_reset import WorldReset
from ilw_teleop.recording.pending_start import PendingStart
from ilw_teleop.recording.recorder import Recorder
from ilw_teleop.recording.words import EpisodeEnding, Wish


class BeginKey:
    """
    Answers each press: with a take, or with why there is none.

    :param simulated: there is a simulator whose world may be begun anew.
    """

    def __init__(self, node: Node, recorder: Recorder, *, simulated: bool) -> None:
        self._node, self._pending = node, PendingStart(recorder)
        self._world = WorldReset(node) if simulated else None

    def takes(self, event: EpisodeEvent) -> bool:
        """Take in an event; returns whether it was a press, which ``poll`` answers."""
        if self._world is not None:
            self._world.note(event)
        if event.kind != EpisodeEvent.KIND_START:
            return False
        self._pending.ask(Wish(episode=event.episode), time.monotonic_ns())
        return True

    def poll(self, now_ns: int, *, paused: bool) -> bool:
        """Go on with a press that waits; returns whether it was answered now."""
        answer = self._pending.poll(now_ns, time.monotonic_ns(), paused=paused)
        if answer is None:
            return False
        refusal, why, episode = answer
        if refusal:
            self._node.get_logger().warning(f'Not recording: {why}')
        else:
            self._node.get_logger().info(f'Recording episode {episode}.')
            if self._world is not None:
                self._world.begin(episode)
        return True

    def ended(self, ending: EpisodeEnding) -> None:
        """Take in how a take ended."""
        if self._world is not None:
            self._world.ended(kept=bool(ending.path))
