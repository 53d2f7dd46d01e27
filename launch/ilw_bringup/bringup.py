"""
Every bring-up as data: which nodes, with which parameters. Knows neither launch nor processes.

The launch files and ``./ilw up`` are both made from this, so they start the same things.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ilw_bringup.robot_names import interface_of, with_names
from ilw_core.contract import load_contract
from ilw_core.errors import IlwError
from ilw_core.locate import config_file


@dataclass(frozen=True)
class Argument:
    """What a person can choose when starting a bring-up."""

    name: str
    default: Any
    """Its type is the type of the argument"""
    text: str
    choices: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Bringup:
    """A set of nodes that belong together."""

    text: str
    arguments: tuple[Argument, ...]
    nodes: Callable[[Mapping[str, Any]], list[NodeSpec]]


TASK = Argument('task', 'clutter', 'A contract in config/tasks/ (without .yaml), or a path.')
SEED = Argument('seed', 0, 'Seed of the simulated world.')
SPEED = Argument('real_time_factor', 1.0, 'Simulated seconds per second; 0: as fast as possible.')
PLANT = Argument('plant', '', 'How the simulated base answers: in config/plants/, or a path.')
GUI = Argument('gui', False, 'Show the PyBullet window; needs a display.')
ROBOT = Argument('robot', 'sim', 'sim: start the simulator; emulated: start a stand-in for a '
                 'robot; real: the robot is already running.', ('sim', 'emulated', 'real'))
EMULATOR = Argument('emulator', 'typical', 'Emulated robot: a profile in config/emulators/.')
EMULATOR_SEED = Argument('emulator_seed', -1, 'Which robot of that profile; -1: a secret one.')
REVEAL = Argument('reveal', '', 'File that receives the truth about the emulated robot, as JSON.')
PROFILE = Argument('profile', '', 'Robot profile in config/robots/, or a path; sim has its own.')
JOYSTICK = Argument(
    'joystick', 'xbox', 'Layout in config/joysticks/: xbox, xbox_bluetooth, ps4, ps5, f710_x, '
    'f710_d, 8bitdo, 8bitdo_x, switch_pro, game_controller, xbox_wireless, or your own; auto: the '
    'one that fits the pad.')
INPUT = Argument('input', 'evdev', 'evdev: a gamepad; keyboard: this terminal; external: another '
                 'node publishes joy.', ('evdev', 'keyboard', 'external'))
DEMOS = Argument('demos', 'demos', 'Folder that receives the episodes.')
OPERATOR = Argument('operator', '', 'Who demonstrates; kept with each episode.')
CHECKPOINT = Argument('checkpoint', 'idle', 'Checkpoint folder, deployed (the promoted one), '
                      'idle or random.')
CHECKPOINTS = Argument('checkpoints', 'runs:deployed:checkpoints', 'Folders whose checkpoints '
                       'policy/load may name, a colon between; and the one above.')
PREFLIGHT = Argument('preflight', 'auto', 'Hold the robot to the contract before a policy may be '
                     'armed. auto: unless it is simulated.', ('auto', 'on', 'off'))
ENABLE = Argument('enable_output', False, 'false: dry run, the robot gets no commands.')
TRUSTED = Argument('trusted_keys', '', 'Folder of public keys; only checkpoints signed by one of '
                   'them drive. Empty: any.')
NAMESPACE = Argument('namespace', '', 'Namespace of all nodes, as robot1.')
NETWORK = Argument('network', 'auto', 'Who is found. local: nodes on this machine; subnet: on the '
                   'local network; auto: as ROS_AUTOMATIC_DISCOVERY_RANGE says, else local.',
                   ('auto', 'local', 'subnet'))
SECURITY = Argument('security', '', 'Keystore; nodes start only with their keys in it. See '
                    'docs/how-to/secure.md.')
DETACHED = Argument('detached', False, 'true: nodes go on, a policy drives on, when the process '
                    'that started them is gone.')
VIEW = Argument('view', False, 'Draw a map of robot, goal, scan and path in this terminal.')
WITH_EXPERT = Argument('expert', False, 'Let the scripted expert press the stick.')


def _sim(a: Mapping[str, Any]) -> list[NodeSpec]:
    robot = a.get('robot', 'sim')
    if robot != 'sim':
        return [_emulated(a)] if robot == 'emulated' else []
    return [NodeSpec('ilw_sim', 'sim_node', 'sim', {
        'contract': a['task'], 'seed': a['seed'], 'gui': a['gui'],
        'real_time_factor': a['real_time_factor'], 'plant': a.get('plant', ''),
        'auto_reset': a.get('auto_reset', True)})]


def _emulated(a: Mapping[str, Any]) -> NodeSpec:
    from ilw_bringup.emulator_worlds import world_file  # the simulator makes them: slow to load

    return NodeSpec('ilw_emulator', 'emulator_node', 'emulator', {
        'contract': a['task'], 'profile': a['emulator'], 'seed': a['emulator_seed'],
        'world': str(world_file(a['task'], a['seed'])), 'reveal': a['reveal']})


def _hand(a: Mapping[str, Any]) -> list[NodeSpec]:
    clock = {'use_sim_time': a['robot'] == 'sim'}
    if a['expert']:
        source = [NodeSpec('ilw_sim', 'expert_node', 'expert', {
            'contract': a['task'], 'seed': a['seed'], 'joystick': _imitated(a), **clock})]
    elif a['input'] == 'external':
        source = []
    elif a['input'] == 'keyboard':
        source = [NodeSpec('ilw_teleop', 'keyboard_node', 'keyboard',
                           {'contract': a['task'], 'joystick': _imitated(a), **clock},
                           terminal=True)]
    else:
        source = [NodeSpec('ilw_teleop', 'joy_node', 'joy', {'joystick': a['joystick'], **clock})]
    return [*source, NodeSpec('ilw_teleop', 'teleop_node', 'teleop', {
        'contract': a['task'], 'joystick': a['joystick'], **clock})]


def _imitated(a: Mapping[str, Any]) -> str:
    """Return the layout that keyboard and expert imitate; with auto, any will do."""
    return str(JOYSTICK.default if a['joystick'] == 'auto' else a['joystick'])


def _arbiter(a: Mapping[str, Any], enable: bool) -> list[NodeSpec]:
    return [NodeSpec('ilw_teleop', 'arbiter_node', 'arbiter', {
        'contract': a['task'], 'enable_output': enable,
        'robot': a['profile'] or ('sim_diff_drive' if a['robot'] == 'sim' else ''),
        'preflight': _looks(a), 'use_sim_time': a['robot'] == 'sim'})]


def _looks(a: Mapping[str, Any]) -> bool:
    choice = a.get('preflight', 'off')
    return bool(choice == 'on' or (choice == 'auto' and a['robot'] != 'sim'))


def _recorder(a: Mapping[str, Any]) -> list[NodeSpec]:
    return [NodeSpec('ilw_teleop', 'recorder_node', 'recorder', {
        'contract': a['task'], 'root': a['demos'], 'operator': a['operator'],
        'robot': a['robot'], 'profile': a['profile'], 'use_sim_time': a['robot'] == 'sim'})]


def _checkpoint(a: Mapping[str, Any]) -> str:
    if a['checkpoint'] != 'deployed':
        return str(a['checkpoint'])
    from ilw_learner.deployed import find_checkpoint

    return find_checkpoint('deployed', load_contract(config_file('tasks', a['task'])).name)


def _policy(a: Mapping[str, Any]) -> list[NodeSpec]:
    return [NodeSpec('ilw_learner', 'policy_node', 'policy', {
        'contract': a['task'], 'checkpoint': _checkpoint(a), 'checkpoints': a['checkpoints'],
        'trusted_keys': a['trusted_keys'], 'robot': a['profile'],
        'use_sim_time': a['robot'] == 'sim'}, respawn=True)]


def _status(a: Mapping[str, Any], *, policy: bool = False) -> list[NodeSpec]:
    return [NodeSpec('ilw_teleop', 'status_node', 'status', {
        'contract': a['task'], 'view': a['view'], 'policy': policy,
        'keys': a.get('input') == 'keyboard', 'use_sim_time': a.get('robot', 'sim') == 'sim'},
        respawn=True)]


def _placed(spec: NodeSpec, a: Mapping[str, Any]) -> NodeSpec:
    namespace = '/' + a['namespace'].strip('/') if a['namespace'] else ''
    return replace(spec, namespace=namespace,
                   enclave=f'{namespace}/{spec.name}' if a['security'] else '')


def _bringup(text: str, arguments: tuple[Argument, ...],
             nodes: Callable[[Mapping[str, Any]], list[NodeSpec]]) -> Bringup:
    return Bringup(text, (*arguments, VIEW, NAMESPACE, NETWORK, SECURITY, DETACHED),
                   lambda a: [_placed(spec, a) for spec in nodes(a)])


_PLANT = (TASK, ROBOT, PROFILE, SEED, SPEED, PLANT, GUI, EMULATOR, EMULATOR_SEED, REVEAL)
_HAND = (JOYSTICK, INPUT, WITH_EXPERT)

BRINGUPS: dict[str, Bringup] = {
    'sim': _bringup('The simulator alone.', (TASK, SEED, SPEED, PLANT, GUI),
                    lambda a: _sim(a) + _status(a)),
    'teleop': _bringup(
        'Drive by hand: simulator or robot, joystick, arbiter.', (*_PLANT, *_HAND),
        lambda a: _sim(a) + _hand(a) + _arbiter(a, True) + _status(a)),
    'record': _bringup(
        'Drive by hand and record each episode as a rosbag.', (*_PLANT, *_HAND, DEMOS, OPERATOR),
        lambda a: _sim(a) + _hand(a) + _arbiter(a, True) + _recorder(a) + _status(a)),
    'deploy': _bringup(
        'Let a policy drive; a person can take over at any time.',
        (*_PLANT, *_HAND, CHECKPOINT, CHECKPOINTS, TRUSTED, ENABLE, PREFLIGHT),
        lambda a: (_sim(a) + _hand(a) + _arbiter(a, a['enable_output']) + _policy(a)
                   + _status(a, policy=True))),
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
    values = {key: _typed(argument, given.get(key, argument.default))
              for key, argument in known.items()}
    interface = interface_of(values)
    values['namespace'] = values['namespace'] or interface.namespace
    return replace(bringup, nodes=lambda a: with_names(bringup.nodes(a), interface)), values


def discovery(network: str, outer: Mapping[str, str]) -> dict[str, str]:
    """
    Return the variables that decide which other nodes are found.

    :param network: value of the argument of this name.
    :param outer: the environment of the one who starts the nodes.
    """
    name = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
    reach = {'local': 'LOCALHOST', 'subnet': 'SUBNET'}
    return {name: reach.get(network) or outer.get(name) or 'LOCALHOST'}


def _typed(argument: Argument, value: Any) -> Any:
    kind = type(argument.default)
    try:
        if kind is bool and isinstance(value, str):
            value = {'true': True, 'false': False}[value.lower()]
        value = kind(value)
    except (KeyError, ValueError) as error:
        raise IlwError(f'{argument.name} must be a {kind.__name__}. Got {value!r}.') from error
    if argument.choices and value not in argument.choices:
        raise IlwError(f'{argument.name} must be one of {", ".join(argument.choices)}. '
                       f'Got {value!r}.')
    return value
