"""Take the robot out of a policy's hands: silence at once, and ``arbiter/disarm``."""

from collections.abc import Callable
import time

from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future
from std_srvs.srv import Trigger

_LOOK_S = 0.05
_AGAIN_S = 0.5
"""A request may be lost while DDS has not met: ask again"""
GIVE_UP_S = 2.0
"""After so long nobody waits for the arbiter any more; the policy stays silent, and asks on"""


class StandDown:
    """
    Keeps a policy silent until the arbiter is disarmed.

    :param hush: called with why; from then on the policy asks for nothing.
    :param resume: the policy may ask again; disarmed, the arbiter refuses it.
    """

    def __init__(self, node: LifecycleNode, hush: Callable[[str], None],
                 resume: Callable[[], None], group: CallbackGroup) -> None:
        self._node, self._hush, self._resume, self._group = node, hush, resume, group
        self._client = node.create_client(Trigger, 'arbiter/disarm', callback_group=group)
        self._settled: Future | None = None
        self._timer = node.create_timer(_LOOK_S, self._on_look, callback_group=group,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timer.cancel()
        self._asked: Future | None = None
        self._asked_s = self._begun_s = 0.0

    def begin(self, why: str) -> Future:
        """
        Be silent from now on, and have the arbiter disarmed.

        :returns: a future: whether the arbiter has answered; done after ``GIVE_UP_S`` at most.
        """
        self._hush(f'{why}; silent until arbiter/disarm answers')
        self._settled, self._begun_s, self._asked_s = Future(), time.monotonic(), 0.0
        self._timer.reset()
        self._on_look()
        return self._settled

    def release(self) -> None:
        """Let the policy ask again, as somebody wants: not while the arbiter may still answer."""
        if self._settled is not None and self._settled.done():
            self._over()

    def _on_look(self) -> None:
        now = time.monotonic()
        settled = self._settled
        if settled is None:
            return
        if now - self._begun_s > GIVE_UP_S and not settled.done():
            self._node.get_logger().error(
                'arbiter/disarm does not answer. The policy stays silent until it does, or until '
                'it is activated, loaded or run anew.')
            settled.set_result(False)
        if now - self._asked_s >= _AGAIN_S and self._client.service_is_ready():
            self._forget()
            self._asked_s, self._asked = now, self._client.call_async(Trigger.Request())
            self._asked.add_done_callback(lambda asked: self._on_answer(asked, settled))

    def _on_answer(self, asked: Future, settled: Future) -> None:
        answer = asked.result()
        if settled is self._settled and answer is not None and answer.success:
            if not settled.done():
                settled.set_result(True)
            self._over()

    def _over(self) -> None:
        self._settled = None
        self._timer.cancel()
        self._forget()
        self._resume()

    def _forget(self) -> None:
        if self._asked is not None and not self._asked.done():
            self._client.remove_pending_request(self._asked)
        self._asked = None
