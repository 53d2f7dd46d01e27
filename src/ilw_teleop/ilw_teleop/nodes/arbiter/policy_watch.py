"""Tell whether another process than before wants to be the policy."""

from rclpy.node import Node

from ilw_teleop.arbiter.senders import Senders


class PolicyWatch:
    """
    Watches who sends on a topic: by the numbers of its messages, and by who is on the graph.

    The numbers tell at once, unless the first messages of a new process are lost; the graph tells
    a little later, and lists the dead for 20 s, but never calls a new one by an old name.

    :param topic: where policies ask.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self._node, self._topic = node, node.resolve_topic_name(topic)
        self._senders = Senders()
        self._known: set[bytes] = set()

    def take(self, number: int | None, mono_ns: int) -> bool:
        """Note a message's number; returns whether it is of another sender than the one before."""
        return self._senders.take(number, mono_ns)

    def several(self, mono_ns: int) -> bool:
        """Tell whether there was more than one within the last second."""
        return self._senders.several(mono_ns)

    def newcomer(self) -> bool:
        """Look at the graph; returns whether one has come since the last look, not the first."""
        there = {bytes(each.endpoint_gid)
                 for each in self._node.get_publishers_info_by_topic(self._topic)}
        new = bool(self._known) and not there <= self._known
        self._known |= there
        return new
