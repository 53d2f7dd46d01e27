"""What a person can choose when starting a bring-up, and which choices go together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import IlwError


@dataclass(frozen=True)
class Argument:
    """One argument of a bring-up."""

    name: str
    default: Any
    """Its type is the type of the argument"""
    text: str
    choices: tuple[str, ...] = ()
    folder: str = ''
    """In config/, where it names a file of that"""


TASK = Argument('task', 'clutter', 'A contract in config/tasks/ (without .yaml), or a path.',
                folder='tasks')
TASK_OF_CHECKPOINT = replace(TASK, default='', text='A contract in config/tasks/ (without .yaml), '
                             'or a path. Empty: the one the checkpoint was made for.')
SEED = Argument('seed', 0, 'Seed of the simulated world.')
SPEED = Argument('real_time_factor', 1.0, 'Simulated seconds per second; 0: as fast as possible.')
PLANT = Argument('plant', '', 'How the simulated base answers: in config/plants/, or a path.',
                 folder='plants')
GUI = Argument('gui', False, 'Show the PyBullet window; needs a display.')
ROBOT = Argument('robot', 'sim', 'sim: start the simulator; emulated: start a stand-in for a '
                 'robot; real: the robot is already running.', ('sim', 'emulated', 'real'))
EMULATOR = Argument('emulator', 'typical', 'Emulated robot: a profile in config/emulators/, '
                    'of an arm in config/emulated_arms/.',
                    folder='emulators')
EMULATOR_SEED = Argument('emulator_seed', -1, 'Which robot of that profile; -1: a secret one.')
REVEAL = Argument('reveal', '', 'File that receives the truth about the emulated robot, as JSON.')
PROFILE = Argument('profile', '', 'Robot profile in config/robots/, or a path; sim has its own.',
                   folder='robots')
JOYSTICK = Argument(
    'joystick', 'xbox', 'Layout in config/joysticks/: xbox, xbox_bluetooth, ps4, ps5, f710_x, '
    'f710_d, 8bitdo, 8bitdo_x, switch_pro, game_controller, xbox_wireless, or your own; auto: the '
    'one that fits the pad.', folder='joysticks')
INPUT = Argument('input', 'evdev', 'evdev: a gamepad; keyboard: this terminal; cockpit: a page in '
                 'the browser; external: another node publishes joy.',
                 ('evdev', 'keyboard', 'cockpit', 'external'))
PORT = Argument('port', 8765, 'Of the cockpit.')
LISTEN = Argument('listen', '127.0.0.1', 'Address that the cockpit listens at, as 0.0.0.0 for all '
                  'of this machine; beyond it by TLS only.')
CERT = Argument('cert', '', 'TLS certificate of the cockpit (PEM), or self: it makes one.')
KEY = Argument('key', '', 'Key of that certificate (PEM).')
FOXGLOVE_PORT = replace(PORT, default=8766, text='Of the WebSocket that Foxglove opens.')
HOST = Argument('host', '127.0.0.1', 'Address it listens at; 0.0.0.0: whoever reaches this '
                'machine sees everything.')
CONTROL = Argument('control', False, 'Offer arming and reset to Foxglove, beside the emergency '
                   'stop: also to any page in a browser on this machine.')
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
TRUE_FALSE = ('auto', 'true', 'false')
USE_SIM_TIME = Argument(
    'use_sim_time', 'auto', 'Follow /clock, as with Gazebo, Isaac Sim or ros2 bag play --clock. '
    'auto: with robot:=sim.', TRUE_FALSE)
CLOCK = Argument('clock', True, 'false: the simulator follows /clock instead of publishing it: '
                 'the second one in a domain.')
TF_PREFIX = Argument('tf_prefix', 'auto', "Before each frame of the simulated robot, as robot1; "
                     'auto: its namespace; none: nothing.')
PARAMS_FILE = Argument('params_file', '', 'YAML file of node parameters, as ros2 param dump '
                       'writes it; it goes before what is said here.')
LOG_LEVEL = Argument('log_level', 'info', 'From here on nodes log.',
                     ('debug', 'info', 'warn', 'error', 'fatal'))
RVIZ = Argument('rviz', False, 'Open RViz beside it; closing it ends nothing.')
RUNS = Argument('runs', 'runs', 'Folder that receives a folder per training run.')
ENV = Argument('env', 'ilw_sim.env:make_env', 'Environment to choose and evaluate checkpoints in, '
               'module:function, or none.')
DEMO_FOLDERS = Argument('demonstrations', 'demos', 'Folders, a colon between, whose episodes a '
                        'goal may name.')
CONFIGS = Argument('configs', '', 'Folders, beside config/, whose contracts and training files a '
                   'goal may name.')
EVERYWHERE = (NAMESPACE, NETWORK, SECURITY, DETACHED, USE_SIM_TIME, PARAMS_FILE, LOG_LEVEL, RVIZ)
"""Arguments of every bring-up"""


def typed(argument: Argument, value: Any) -> Any:
    """Return a value, or its text, as the type of the argument; :raises IlwError: it is none."""
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


def check_together(values: Mapping[str, Any]) -> None:
    """:raises IlwError: a value does not go with another, or names a file that is no good."""
    robot, chosen = robot_in(values), values['use_sim_time']
    if robot == 'sim' and chosen == 'false':
        raise IlwError('use_sim_time:=false cannot be with robot:=sim: what it sends bears '
                       'simulated time. Leave use_sim_time at auto, or take robot:=real.')
    if robot == 'emulated' and chosen == 'true':
        raise IlwError('use_sim_time:=true cannot be with robot:=emulated: it lives in wall time. '
                       'Leave use_sim_time at auto, or take robot:=real for another simulator.')
    path = values['params_file']
    if path and not isinstance(read_yaml(Path(path), 'a file of parameters'), dict):
        raise IlwError(f'{path} must hold NODE: {{ros__parameters: {{NAME: VALUE}}}}. '
                       f'Write one: ros2 param dump /arbiter.')


def sim_time(values: Mapping[str, Any]) -> bool:
    """Tell whether the nodes follow /clock."""
    chosen = values['use_sim_time']
    return bool(chosen == 'true' or (chosen == 'auto' and robot_in(values) == 'sim'))


def robot_in(values: Mapping[str, Any]) -> str:
    """Return the robot of a bring-up: ``sim``, ``emulated``, ``real``; empty: it has none."""
    return str(values.get('robot', 'sim' if CLOCK.name in values else ''))
