"""
What each node of ILW does on the graph: the one table that permissions are made from.

``test/ros/test_node_uses.py`` holds it against the running nodes: nothing missing, nothing more.
"""

from dataclasses import dataclass

from ilw_core.contract.file import Contract
from ilw_core.features.goal import topics_of
from ilw_teleop.recording.recorder import BESIDES


@dataclass(frozen=True)
class Uses:
    """Names as the node says them: relative, absolute (``/``) or its own (``~/``)."""

    publishes: tuple[str, ...] = ()
    subscribes: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    """Services that it offers"""
    calls: tuple[str, ...] = ()
    """Services of others"""
    acts: tuple[str, ...] = ()
    """Actions that it offers"""
    sometimes: tuple[str, ...] = ()
    """Topics that it subscribes to at times, as at its start"""

    def __or__(self, other: 'Uses') -> 'Uses':
        """Return what either does."""
        return Uses(*(tuple(dict.fromkeys((*mine, *theirs))) for mine, theirs in zip(
            vars(self).values(), vars(other).values(), strict=True)))


EVERY_NODE = Uses(
    publishes=('/rosout', '/parameter_events'),
    serves=tuple(f'~/{service}' for service in (
        'describe_parameters', 'get_parameter_types', 'get_parameters', 'list_parameters',
        'set_parameters', 'set_parameters_atomically', 'get_type_description')))
"""What rclpy gives a node, whatever it is for"""
LIFECYCLE = Uses(
    publishes=('~/transition_event',),
    serves=tuple(f'~/{service}' for service in (
        'change_state', 'get_state', 'get_available_states', 'get_available_transitions',
        'get_transition_graph')))
SIM_TIME = Uses(subscribes=('/clock',))
_ARBITER = tuple(f'arbiter/{switch}' for switch in ('arm', 'disarm', 'estop', 'reset'))


def node_uses(contract: Contract, *, simulated: bool,
              clock: bool | None = None) -> dict[str, Uses]:
    """
    Return node name -> what it does.

    :param simulated: time and sensors come from the simulator, whose nodes are then among these.
    :param clock: nodes follow ``/clock``; ``None``: where they are simulated. Another simulator
        than ours may publish it.
    """
    safety = contract.safety
    watched = [part.topic for part in (safety.scan, safety.workspace) if part is not None]
    seen = topics_of(contract)
    observed = [source.topic for source in contract.sources]
    nodes = {
        'joy': Uses(publishes=('joy', '/diagnostics'), subscribes=('episode/status',)),
        'keyboard': Uses(publishes=('joy',)),
        'teleop': Uses(publishes=('teleop/action', 'episode/event', 'reward', '/diagnostics'),
                       subscribes=_once('joy', 'episode/status', *seen, *(
                           ['arbiter/state'] if contract.action.holds.any() else []), *(
                           observed if contract.rules else [])),
                       calls=_ARBITER),
        'status': Uses(subscribes=_once(
            *seen, 'arbiter/state', 'episode/status', 'episode/event', 'map',
            safety.scan.topic if safety.scan else 'scan')),
        'arbiter': Uses(publishes=(*contract.action.topics, 'arbiter/state', 'episode/event',
                                   '/diagnostics'),
                        subscribes=_once('teleop/action', 'policy/action', 'policy/status',
                                         *watched, *(observed if contract.measured else [])),
                        serves=(*_ARBITER, 'arbiter/report')),
        'recorder': Uses(publishes=('episode/status', '/diagnostics'),
                         subscribes=_once('episode/event', *contract.topics, *BESIDES),
                         serves=('record/start', 'record/stop', 'record/discard'),
                         acts=('record/episode',)),
        'policy': LIFECYCLE | Uses(
            publishes=('policy/action', 'policy/status', 'policy/observation', '/diagnostics'),
            subscribes=_once('episode/event', *observed),
            serves=('policy/load',), calls=('arbiter/disarm',), acts=('policy/run',)),
    }
    if not simulated:
        # It looks at the robot first: what it sends, how it is built, what it is told.
        nodes['arbiter'] |= Uses(subscribes=_once(
            *observed, *contract.action.topics, '/tf', '/tf_static'))
    if simulated:
        nodes['expert'] = Uses(publishes=('joy',), subscribes=(
            'map', 'goal', 'episode/event', 'episode/status', 'sim/ground_truth'))
        nodes['recorder'] |= Uses(calls=('sim/reset',))
    follows = simulated if clock is None else clock
    if follows:
        nodes = {name: uses | SIM_TIME for name, uses in nodes.items()}
    if simulated:
        nodes['sim'] = Uses(
            publishes=('/clock', '/tf', '/tf_static', 'robot_description', 'odom', 'scan',
                       'joint_states', 'imu', 'sim/ground_truth', 'goal', 'map', 'reward',
                       'sim/collision', 'episode/event'),
            subscribes=tuple(contract.action.topics), sometimes=('/clock',),
            serves=('sim/reset', 'sim/step', 'sim/get_state', 'sim/set_state'))
    nodes['trainer'] = Uses(acts=('train', 'evaluate'),
                            sometimes=SIM_TIME.subscribes if follows else ())
    nodes['cockpit'] = Uses(
        publishes=('joy',),
        subscribes=_once('arbiter/state', 'episode/status', 'policy/status', 'policy/action',
                         safety.scan.topic if safety.scan else 'scan', 'joint_states',
                         'robot_description', 'map', *seen, *observed, '/diagnostics'),
        calls=(*_ARBITER, 'record/start', 'record/stop', 'record/discard', 'policy/load'),
        sometimes=SIM_TIME.subscribes if follows else ())
    return {name: uses | EVERY_NODE for name, uses in nodes.items()}


def _once(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
