"""
A node's parameters are the fields of one frozen dataclass: default, range, text and type.

They are read-only, those that ROS gives a node (``use_sim_time``) too: what a node was started
with is what it runs with. Few are marked as ones that change.
"""

from collections.abc import Sequence, Set
from dataclasses import MISSING, field, fields
from typing import Any, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ilw_core.errors import IlwError

T = TypeVar('T')
_GIVEN_BY_ROS = ('use_sim_time', 'start_type_description_service')


def param(
    default: Any, text: str, *, low: float | None = None, high: float | None = None,
    choices: Sequence[str] = (), changes: bool = False,
) -> Any:
    """
    Return a dataclass field that is a ROS parameter.

    :param text: one sentence with the unit in brackets; shown by ``ros2 param describe``.
    :param changes: it may change while the node runs; the node itself checks what is wanted, and
        asks for the newest value with ``get_parameter``.
    """
    return field(default=default, metadata={
        'text': text, 'low': low, 'high': high, 'choices': tuple(choices), 'changes': changes})


def load(node: Node, kind: type[T]) -> T:
    """
    Declare every field of ``kind`` on the node and return an instance with the values given.

    From then on no parameter of the node changes but those that say so.

    :raises IlwError: a value is out of range or of another type, or names no parameter.
    """
    values, known, free = {}, [], set()
    for item in fields(kind):  # type: ignore[arg-type]
        if item.default is MISSING:
            raise ValueError(f'{kind.__name__}.{item.name} needs a default')
        known.append(item.name)
        free |= {item.name} if item.metadata['changes'] else set()
        try:
            parameter = node.declare_parameter(item.name, item.default, _descriptor(item))
        except ParameterException as error:
            raise IlwError(f'{node.get_name()}: parameter {item.name}: {error}') from error
        values[item.name] = parameter.value
        _check(node, item, parameter.value)
    for name in node._parameter_overrides:
        inside = name.startswith('qos_overrides.') or name.startswith('diagnostic')
        if name not in known and name not in _GIVEN_BY_ROS and not inside:
            raise IlwError(f'{node.get_name()} has no parameter {name!r}. '
                           f'It has: {", ".join(known)}.')
    # Asked before rclpy's own, which would switch the clock and then hear that it may not.
    node.add_on_set_parameters_callback(lambda wanted: _refuse(node, wanted, free))
    _guard_services(node)
    try:
        return kind(**values)
    except ValueError as error:
        raise IlwError(f'{node.get_name()}: {error}') from error


def _refuse(node: Node, wanted: list[Parameter], free: Set[str]) -> SetParametersResult:
    """Refuse to change what is declared; a declaration, which asks here too, is let through."""
    fixed = [p.name for p in wanted if p.type_ == Parameter.Type.NOT_SET
             or (node.has_parameter(p.name) and p.name not in free)]
    if not fixed:
        return SetParametersResult(successful=True)
    return SetParametersResult(successful=False, reason=(
        f'The parameters of {node.get_name()} do not change while it runs. Got '
        f'{", ".join(fixed)}. Restart the node with it.'))


def _guard_services(node: Node) -> None:
    """Refuse what is no parameter: rclpy 7.1 lets the error out of ``spin``, ending the node."""
    for service in node.services:
        kind = service.srv_type
        if kind in (SetParameters, SetParametersAtomically):
            def guarded(request: Any, response: Any, follow: Any = service.callback) -> Any:
                try:
                    return follow(request, response)
                except (ValueError, TypeError, AttributeError) as error:
                    refused = SetParametersResult(successful=False, reason=str(error))
                    if isinstance(request, SetParametersAtomically.Request):
                        return SetParametersAtomically.Response(result=refused)
                    return SetParameters.Response(results=[refused] * len(request.parameters))

            service.callback = guarded


def _descriptor(item: Any) -> ParameterDescriptor:
    meta = item.metadata
    descriptor = ParameterDescriptor(description=meta['text'],
                                     read_only=not meta['changes'])
    if meta['choices']:
        descriptor.additional_constraints = 'one of: ' + ', '.join(meta['choices'])
    low, high = meta['low'], meta['high']
    if low is not None and high is not None:
        if isinstance(item.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high))]
        else:
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    return descriptor


def _check(node: Node, item: Any, value: Any) -> None:
    choices = item.metadata['choices']
    if choices and value not in choices:
        raise IlwError(f'{node.get_name()}: parameter {item.name} must be one of '
                       f'{", ".join(choices)}. Got {value!r}.')
