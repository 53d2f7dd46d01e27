"""Subscriptions that need not wake their node."""

from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.subscription import Subscription


class Quiet:
    """
    A subscription that wakes its node by each message, or is taken from when somebody asks.

    :param subscription: its callback takes the message alone.
    """

    def __init__(self, subscription: Subscription) -> None:
        self._subscription, self._group = subscription, _Switched()
        subscription.callback_group = self._group
        # They wait by the same condition as the messages: left in, what is not taken yet would
        # wake the executor without end.
        for handler in subscription.event_handlers:
            handler.callback_group = self._group

    @property
    def wakes(self) -> bool:
        """Whether each message wakes the node, as it does at first."""
        return self._group.open

    @wakes.setter
    def wakes(self, wakes: bool) -> None:
        self._group.open = wakes

    def take(self) -> None:
        """Take in what waits, if it does not wake the node by itself."""
        subscription = self._subscription
        while not self._group.open:
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, False)
            if taken is None:
                return
            subscription.callback(taken[0])


class _Switched(ReentrantCallbackGroup):
    """Keeps its subscription out of the executor while it is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = True

    def can_execute(self, entity: Any) -> bool:
        return self.open and super().can_execute(entity)
