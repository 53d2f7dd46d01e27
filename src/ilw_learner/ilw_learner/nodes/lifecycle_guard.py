"""Refuse lifecycle transitions that are not possible, instead of ending the node over one."""

from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode


def guard_transitions(node: LifecycleNode) -> None:
    """
    Answer an impossible request with ``success = False``.

    rclpy 7.1 lets the error of such a request out of ``spin``, which ends the process.
    """
    service = next(s for s in node.services if s.srv_name.endswith('change_state'))
    change = service.callback

    def guarded(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except rclpy_implementation.RCLError as error:
            node.get_logger().warning(f'Refused a lifecycle transition: {error}')
            response.success = False
            return response

    service.callback = guarded
