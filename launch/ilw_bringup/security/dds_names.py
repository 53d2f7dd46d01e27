"""The DDS topics behind the topics, services and actions of ROS. Knows no node of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
import re

from ilw_bringup.security.node_uses import Uses
from ilw_core.errors import IlwError

_GRAPH = 'ros_discovery_info'
"""By which ROS nodes tell each other what they have; the only topic without a prefix"""

_NAME = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')


@dataclass(frozen=True)
class Topics:
    """DDS topics that one participant writes and reads."""

    publish: frozenset[str]
    subscribe: frozenset[str]

    def __or__(self, other: 'Topics') -> 'Topics':
        """Return what either does."""
        return Topics(self.publish | other.publish, self.subscribe | other.subscribe)


def full_name(name: str, namespace: str, node: str) -> str:
    """
    Return the name that the graph shows.

    :param namespace: begins with a slash; ``/`` is the root.
    :raises IlwError: it is no name of ROS; in a permission, other signs would mean other names.
    """
    base = '' if namespace == '/' else namespace
    if name.startswith('~/'):
        name = f'{node}/{name.removeprefix("~/")}'
    full = name if name.startswith('/') else f'{base}/{name}'
    if not _NAME.fullmatch(full):
        raise IlwError(f'A name must be letters, digits and _ between single slashes. '
                       f'Got {full!r}. Rename it.')
    return full


def dds_topics(uses: Uses, namespace: str, node: str,
               remappings: Mapping[str, str] | None = None) -> Topics:
    """
    Return the DDS topics that a node needs in a namespace.

    :param remappings: name in the node -> name on the graph, as a robot's profile gives them.
    """
    renamed = remappings or {}

    def full(names: tuple[str, ...]) -> list[str]:
        return [full_name(renamed.get(name, name), namespace, node) for name in names]

    actions = full(uses.acts)
    inside = [f'{action}/_action/{service}' for action in actions
              for service in ('send_goal', 'cancel_goal', 'get_result')]
    told = [f'{action}/_action/{topic}' for action in actions for topic in ('feedback', 'status')]
    serves, calls = [*full(uses.serves), *inside], full(uses.calls)
    return Topics(
        frozenset({_GRAPH, *(f'rt{name}' for name in [*full(uses.publishes), *told]),
                   *(f'rr{name}Reply' for name in serves),
                   *(f'rq{name}Request' for name in calls)}),
        frozenset({_GRAPH, *(f'rt{name}' for name in full((*uses.subscribes, *uses.sometimes))),
                   *(f'rq{name}Request' for name in serves),
                   *(f'rr{name}Reply' for name in calls)}))
