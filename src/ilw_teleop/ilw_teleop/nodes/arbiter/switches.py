"""The services that arm, disarm, stop and release: what a person presses."""

from collections.abc import Callable

from rclpy.node import Node
from std_srvs.srv import Trigger

from ilw_teleop.arbiter.arbiter import Arbiter


class Switches:
    """
    Offers the switches of an arbiter as ``std_srvs/Trigger``.

    :param before_arming: called first where a policy is to be armed; a stop waits for nothing.
    :param after: called with why it was refused, or nothing, before it is answered.
    """

    def __init__(self, node: Node, arbiter: Arbiter, before_arming: Callable[[], None],
                 after: Callable[[str], None]) -> None:
        def serve(name: str, act: Callable[[], str]) -> None:
            def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
                if act == arbiter.arm:
                    before_arming()
                response.message = act()
                response.success = not response.message
                after(response.message)
                return response

            node.create_service(Trigger, f'arbiter/{name}', answer)

        for name, act in (('arm', arbiter.arm), ('disarm', arbiter.disarm),
                          ('estop', arbiter.estop), ('reset', arbiter.reset)):
            serve(name, act)
