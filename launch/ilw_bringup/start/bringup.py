"""
Every bring-up as data: which nodes, with which parameters. Knows neither launch nor processes.

The launch files and ``./ilw up`` are both made from this, so they start the same things.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
import shlex
from typing import Any

from ilw_bringup.start.arguments import (
    CERT,
    CHECKPOINT,
    CHECKPOINTS,
    CLOCK,
    CONFIGS,
    CONTROL,
    DEMO_FOLDERS,
    DEMOS,
    EMULATOR,
    EMULATOR_SEED,
    ENABLE,
    ENV,
    EVERYWHERE,
    FOXGLOVE_PORT,
    GUI,
    HOST,
    INPUT,
    JOYSTICK,
    KEY,
    LISTEN,
    OPERATOR,
    PLANT,
    PORT,
    PREFLIGHT,
    PROFILE,
    REVEAL,
    ROBOT,
    RUNS,
    SEED,
    SPEED,
    TASK,
    TASK_OF_CHECKPOINT,
    TF_PREFIX,
    TRUSTED,
    VIEW,
    WITH_EXPERT,
    Argument,
    check_together,
    robot_in,
    sim_time,
    typed,
)
from ilw_bringup.start.robot_names import interface_of
from ilw_bringup.start.shared_files import shared_file
from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file


@dataclass(frozen=True)
class NodeSpec:
    """One node to start."""

    package: str
    executable: str
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    terminal: bool = False
    """Reads the keyboard, so it keeps the terminal"""
    remappings: dict[str, str] = field(default_factory=dict)
    """Topic in the node -> topic on the graph"""
    namespace: str = ''
    """As ``/robot1``; empty: where it is started"""
    enclave: str = ''
    """Where its key is in the keystore; empty: it has none"""
    respawn: bool = False
    """Start it again when it dies; only what must be armed anew before it drives, or never does"""
    words: tuple[str, ...] = ()
    """Command line arguments before those of ROS"""
    params_file: str = ''
    """Parameters that go before ``parameters``; empty: none"""
    log_level: str = 'info'
    optional: bool = False
    """It may end without ending the others"""


@dataclass(frozen=True)
class Bringup:
    """A set of nodes that belong together."""

    text: str
    arguments: tuple[Argument, ...]
    nodes: Callable[[Mapping[str, Any]], list[NodeSpec]]


def _sim(a: Mapping[str, Any]) -> list[NodeSpec]:
    if robot_in(a) != 'sim':
        return [_emulated(a)] if robot_in(a) == 'emulated' else []
    return [NodeSpec('ilw_sim', 'sim_node', 'sim', {
        'contract': a['task'], 'seed': a['seed'], 'gui': a['gui'],
        'real_time_factor': a['real_time_factor'], 'plant': a['plant'], 'auto_reset': True,
        'clock': a['clock'], 'tf_prefix': _tf_prefix(a)})]


def _tf_prefix(a: Mapping[str, Any]) -> str:
    chosen = {'auto': a['namespace'], 'none': ''}.get(a['tf_prefix'], a['tf_prefix'])
    return str(chosen).strip('/')


def _emulated(a: Mapping[str, Any]) -> NodeSpec:
    from ilw_bringup.emulator_worlds import world_file  # the simulator makes them: slow to load

    machine = {'contract': a['task'], 'profile': a['emulator'], 'seed': a['emulator_seed'],
               'reveal': a['reveal']}
    if _of_an_arm(a):
        return NodeSpec('ilw_bringup', 'arm_emulator_node', 'emulator',
                        {**machine, 'world': a['seed']})
    return NodeSpec('ilw_emulator', 'emulator_node', 'emulator', {
        **machine, 'world': str(world_file(a['task'], a['seed']))})


def _hand(a: Mapping[str, Any]) -> list[NodeSpec]:
    clock = {'use_sim_time': sim_time(a)}
    if a['expert']:
        source = [NodeSpec('ilw_sim', 'expert_node', 'expert', {
            'contract': a['task'], 'seed': a['seed'], 'joystick': _imitated(a),
            'record': 'demos' in a, **clock})]
    elif a['input'] == 'external':
        source = []
    elif a['input'] == 'keyboard':
        source = [NodeSpec('ilw_teleop', 'keyboard_node', 'keyboard',
                           {'contract': a['task'], 'joystick': _imitated(a), **clock},
                           terminal=True)]
    elif a['input'] == 'cockpit':
        source = _cockpit(a)
    else:
        source = [NodeSpec('ilw_teleop', 'joy_node', 'joy', {'joystick': a['joystick'], **clock})]
    return [*source, NodeSpec('ilw_teleop', 'teleop_node', 'teleop', {
        'contract': a['task'], 'joystick': a['joystick'], **clock})]


def _cockpit(a: Mapping[str, Any]) -> list[NodeSpec]:
    return [NodeSpec('ilw_web', 'cockpit_node', 'cockpit', {
        'contract': a['task'], 'joystick': _imitated(a), 'demos': a.get('demos', DEMOS.default),
        **{name: a[name] for name in ('port', 'listen', 'cert', 'key')}})]


def _foxglove(a: Mapping[str, Any]) -> list[NodeSpec]:
    if a['security']:
        raise IlwError('A node that hears every topic gets no key. Start Foxglove\'s server '
                       'without --security, in a domain without enforcement.')
    return [NodeSpec('ilw_web', 'foxglove_node', 'foxglove', {
        'host': a['host'], 'port': a['port'], 'control': a['control'],
        'use_sim_time': sim_time(a)})]


def _imitated(a: Mapping[str, Any]) -> str:
    """Return the layout that keyboard and expert imitate; with auto, any will do."""
    return str(JOYSTICK.default if a['joystick'] == 'auto' else a['joystick'])


def _arbiter(a: Mapping[str, Any], enable: bool) -> list[NodeSpec]:
    return [NodeSpec('ilw_teleop', 'arbiter_node', 'arbiter', {
        'contract': a['task'], 'enable_output': enable,
        'robot': a['profile'] or (_simulated(a) if a['robot'] == 'sim' else ''),
        'preflight': _looks(a), 'use_sim_time': sim_time(a)})]


def _simulated(a: Mapping[str, Any]) -> str:
    """Return the profile of the simulated robot: a base or an arm."""
    return 'sim_arm' if _of_an_arm(a) else 'sim_diff_drive'


def _of_an_arm(a: Mapping[str, Any]) -> bool:
    from ilw_sim.arm.tasks import is_arm  # no robot has the simulator

    return is_arm(load_contract(config_file('tasks', a['task'])))


def _looks(a: Mapping[str, Any]) -> bool:
    choice = a.get('preflight', 'off')
    return bool(choice == 'on' or (choice == 'auto' and a['robot'] != 'sim'))


def _recorder(a: Mapping[str, Any]) -> list[NodeSpec]:
    return [NodeSpec('ilw_teleop', 'recorder_node', 'recorder', {
        'contract': a['task'], 'root': a['demos'], 'operator': a['operator'],
        'robot': a['robot'], 'profile': a['profile'], 'use_sim_time': sim_time(a),
        'arguments': shlex.join(f'{argument.name}={a[argument.name]}'
                                for argument in BRINGUPS['record'].arguments
                                if argument.name not in _NOT_REPEATED
                                and a[argument.name] != argument.default)})]


def _checkpoint(a: Mapping[str, Any]) -> str:
    if a['checkpoint'] != 'deployed':
        return str(a['checkpoint'])
    from ilw_learner.checkpoint.deployed import find_checkpoint

    return find_checkpoint('deployed', load_contract(config_file('tasks', a['task'])).name)


def _policy(a: Mapping[str, Any]) -> list[NodeSpec]:
    return [NodeSpec('ilw_learner', 'policy_node', 'policy', {
        'contract': a['task'], 'checkpoint': _checkpoint(a), 'checkpoints': a['checkpoints'],
        'trusted_keys': a['trusted_keys'], 'robot': a['profile'],
        'use_sim_time': sim_time(a)}, respawn=True)]


def _trainer(a: Mapping[str, Any]) -> list[NodeSpec]:
    return [NodeSpec('ilw_learner', 'trainer_node', 'trainer', {
        'contract': a['task'], 'use_sim_time': sim_time(a),
        **{name: a[name] for name in ('runs', 'env', 'demonstrations', 'configs', 'checkpoints')},
    })]


def _rviz(a: Mapping[str, Any]) -> list[NodeSpec]:
    if not a['rviz']:
        return []
    prefix = _tf_prefix(a) if robot_in(a) == 'sim' else ''
    frame = ('-f', f'{prefix}/odom') if prefix else ()
    return [NodeSpec('rviz2', 'rviz2', 'rviz', {'use_sim_time': sim_time(a)},
                     words=('-d', str(shared_file('rviz/ilw.rviz')), *frame), optional=True)]


def _status(a: Mapping[str, Any], *, policy: bool = False) -> list[NodeSpec]:
    return [NodeSpec('ilw_teleop', 'status_node', 'status', {
        'contract': a['task'], 'view': a['view'], 'policy': policy,
        'keys': a.get('input') == 'keyboard', 'use_sim_time': sim_time(a)},
        respawn=True)]


def _placed(spec: NodeSpec, a: Mapping[str, Any]) -> NodeSpec:
    namespace = '/' + a['namespace'].strip('/') if a['namespace'] else ''
    return replace(spec, namespace=namespace, log_level=a['log_level'],
                   params_file=a['params_file'],
                   enclave=f'{namespace}/{spec.name}' if a['security'] else '')


def _bringup(text: str, arguments: tuple[Argument, ...],
             nodes: Callable[[Mapping[str, Any]], list[NodeSpec]]) -> Bringup:
    return Bringup(text, (*arguments, *EVERYWHERE),
                   lambda a: [_placed(spec, a) for spec in (*nodes(a), *_rviz(a))])


_NOT_REPEATED = ('task', 'demos', 'operator', 'robot', 'reveal', 'security', 'detached', 'rviz',
                 'log_level', 'view', 'port', 'listen', 'cert', 'key')
"""Of an episode: written elsewhere in it, or a matter of the machine"""
_SIM = (SEED, SPEED, PLANT, GUI, CLOCK, TF_PREFIX)
_PLANT = (ROBOT, PROFILE, *_SIM, EMULATOR, EMULATOR_SEED, REVEAL)
_PAGE = (PORT, LISTEN, CERT, KEY)
_HAND = (JOYSTICK, INPUT, *_PAGE, WITH_EXPERT)

BRINGUPS: dict[str, Bringup] = {
    'sim': _bringup('The simulator alone.', (TASK, *_SIM, VIEW),
                    lambda a: _sim(a) + _status(a)),
    'teleop': _bringup(
        'Drive by hand: simulator or robot, joystick, arbiter.', (TASK, *_PLANT, *_HAND, VIEW),
        lambda a: _sim(a) + _hand(a) + _arbiter(a, True) + _status(a)),
    'record': _bringup(
        'Drive by hand and record each episode as a rosbag.',
        (TASK, *_PLANT, *_HAND, DEMOS, OPERATOR, VIEW),
        lambda a: _sim(a) + _hand(a) + _arbiter(a, True) + _recorder(a) + _status(a)),
    'deploy': _bringup(
        'Let a policy drive; a person can take over at any time.',
        (TASK_OF_CHECKPOINT, *_PLANT, *_HAND, CHECKPOINT, CHECKPOINTS, TRUSTED, ENABLE, PREFLIGHT,
         VIEW),
        lambda a: (_sim(a) + _hand(a) + _arbiter(a, a['enable_output']) + _policy(a)
                   + _status(a, policy=True))),
    'correct': _bringup(
        'Let a policy drive, take over where it errs, and record who drove.',
        (TASK_OF_CHECKPOINT, *_PLANT, *_HAND, CHECKPOINT, CHECKPOINTS, TRUSTED, DEMOS, OPERATOR,
         PREFLIGHT, VIEW),
        lambda a: (_sim(a) + _hand(a) + _arbiter(a, True) + _recorder(a) + _policy(a)
                   + _status(a, policy=True))),
    'cockpit': _bringup(
        'A page in the browser beside nodes that run with --input external.',
        (TASK, JOYSTICK, *_PAGE, DEMOS), _cockpit),
    'foxglove': _bringup(
        'Serve every topic to Foxglove, beside nodes that run.',
        (FOXGLOVE_PORT, HOST, CONTROL), _foxglove),
    'trainer': _bringup(
        'Train and evaluate when asked by the actions train and evaluate.',
        (TASK, DEMO_FOLDERS, RUNS, CHECKPOINTS, CONFIGS, ENV), _trainer),
}


def resolve(name: str, given: Mapping[str, Any]) -> tuple[Bringup, dict[str, Any]]:
    """
    Return a bring-up and the value of each argument, typed and checked.

    :param given: values, or their texts as typed on a command line.
    :returns: the nodes it starts bear the names of the robot's profile.
    :raises IlwError: no such bring-up or argument, a value of the wrong kind, or a robot profile
        with a mistake.
    """
    if name not in BRINGUPS:
        raise IlwError(f'There is no bring-up {name!r}. There are: {", ".join(BRINGUPS)}.')
    bringup = BRINGUPS[name]
    known = {argument.name: argument for argument in bringup.arguments}
    for key in given:
        if key not in known:
            raise IlwError(f'The bring-up {name} has no argument {key!r}. '
                           f'It has: {", ".join(known)}.')
    values = {key: typed(argument, given.get(key, argument.default))
              for key, argument in known.items()}
    if 'checkpoint' in values and not values['task']:
        from ilw_learner.checkpoint.contract import task_of

        values['task'] = task_of('', values['checkpoint'])
    interface = interface_of(values)
    values['namespace'] = values['namespace'] or interface.namespace
    check_together(values)

    def named(a: Mapping[str, Any]) -> list[NodeSpec]:
        # Every node the same: they stay together.
        return [replace(spec, remappings={**interface.topics, **spec.remappings})
                for spec in bringup.nodes(a)]

    return replace(bringup, nodes=named), values


def require_files(bringup: Bringup, values: Mapping[str, Any]) -> None:
    """
    See, before any node starts, that what they are to read is there, and a port free.

    :raises IlwError: it is not.
    """
    for argument in bringup.arguments:
        name, folder = values[argument.name], argument.folder
        if argument is EMULATOR and values['robot'] == 'emulated' and _of_an_arm(values):
            folder = 'emulated_arms'
        if folder and name not in ('', 'auto'):
            config_file(folder, name)
    if 'checkpoint' in values:
        from ilw_learner.checkpoint.contract import require_checkpoint

        require_checkpoint(values['checkpoint'])
    if 'host' in values:
        from ilw_web.foxglove.server import foxglove_sdk, require_port

        foxglove_sdk()
        require_port(values['host'], values['port'])
    elif 'port' in values and values.get('input', 'cockpit') == 'cockpit':
        from ilw_web.server.reach import OWN, check_port, reach  # no robot needs it

        reach(*(values[name] for name in ('port', 'listen', 'cert', 'key')), OWN)
        check_port(values['port'], values['listen'])
        demos, listed_only = values.get('demos', DEMOS.default), 'operator' not in values
        if listed_only and demos != DEMOS.default and not Path(demos).is_dir():
            raise IlwError(f'There is no folder {demos}. Give one that is there: --demos DIR.')


def discovery(network: str, outer: Mapping[str, str]) -> dict[str, str]:
    """
    Return the variables that decide which other nodes are found.

    :param network: value of the argument of this name.
    :param outer: the environment of the one who starts the nodes.
    """
    name = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
    reach = {'local': 'LOCALHOST', 'subnet': 'SUBNET'}
    return {name: reach.get(network) or outer.get(name) or 'LOCALHOST'}
