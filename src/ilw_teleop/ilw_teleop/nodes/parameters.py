"""The parameters of every node of this package: default, range, reason in one place."""

from dataclasses import dataclass

from ilw_ros.params import param


@dataclass(frozen=True)
class TeleopParams:
    """The parameters of the teleop node."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    joystick: str = param('xbox', 'Layout: a name in config/joysticks, or a path; auto: the one '
                          'that fits, by its numbers of axes and buttons.')
    timeout_s: float = param(
        0.5, 'A joystick silent for longer has released the deadman [s].', low=0.05, high=10.0)
    normal_ratio: float = param(
        1.0, 'Speed without the turbo button, ratio of the limit.', low=0.05, high=1.0)


@dataclass(frozen=True)
class ArbiterParams:
    """The parameters of the arbiter node; limits are the contract's."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    robot: str = param('', 'Robot profile: a name in config/robots, or a path; empty: none.')
    enable_output: bool = param(True, 'False is a dry run: the robot gets no commands.')
    armed_at_start: bool = param(False, 'Let the policy drive without being armed first.')
    preflight: bool = param(
        False, 'Hold the robot to the contract first; with anything wrong, no policy is armed.')
    max_age_s: float = param(
        0.0, 'A single action older than this is stale, a source silent for this long is gone '
        '[s]; 0: two periods of the contract.', low=0.0, high=10.0)
    person_hold_s: float = param(
        1.0, 'A person who vanishes with the deadman held keeps the policy out for this long [s].',
        low=0.0, high=60.0)
    silence_grace_s: float = param(
        0.05, 'In simulation, wall time that silence must last before it counts [s].',
        low=0.0, high=1.0)
    leap_grace_s: float = param(
        0.45, 'The same after a reset of the simulation, when the driver plans anew [s].',
        low=0.0, high=10.0)

    def __post_init__(self) -> None:
        if self.preflight and self.armed_at_start:
            raise ValueError('with preflight a person arms the policy, after the robot was looked '
                             'at. Got armed_at_start, too. Leave it out.')


@dataclass(frozen=True)
class RecorderParams:
    """The parameters of the recorder node."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    root: str = param('demos', 'Folder that receives <task>/<episode>.')
    operator: str = param('', 'Who demonstrates; a start request may say otherwise.')
    robot: str = param('', 'Which robot; kept with each episode.')
    profile: str = param('', 'Robot profile: a name in config/robots, or a path; what it says of '
                         'the lidar is kept with each episode.')
    arguments: str = param('', 'Arguments of the bring-up that differ from the usual ones, as '
                           'name=value name=value; kept with each episode, so that it can be '
                           'redone.')
    extra_topics: str = param('', 'More topics to record, separated by commas.')
    min_free_mb: int = param(200, 'No episode starts with less free space [MB].', low=0,
                             high=1_000_000)
    queue_mb: int = param(
        256, 'So much may wait for a slow disk; what comes beyond it is dropped and told of [MB].',
        low=1, high=100_000)


@dataclass(frozen=True)
class JoyParams:
    """The parameters of the joystick node."""

    joystick: str = param('xbox', 'Layout: a name in config/joysticks, or a path; auto: the one '
                          'that fits the device best.')
    device: str = param('', 'As in /dev/input/event5; empty: the first that fits the layout.')
    deadzone: float = param(0.05, 'Part of the deflection that counts as rest, ratio.',
                            low=0.0, high=0.9)
    autorepeat_hz: float = param(20.0, 'Messages per second while nothing changes [Hz].',
                                 low=4.0, high=1000.0)
    rumble: bool = param(True, 'Shake a pad that can when an episode becomes suspect, does not '
                         'start, or the recorder is gone.')


@dataclass(frozen=True)
class KeyboardParams:
    """The parameters of the keyboard node."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    joystick: str = param('xbox', 'Layout to imitate: a name in config/joysticks, or a path.')
    autorepeat_hz: float = param(20.0, 'Messages per second while nothing changes [Hz].',
                                 low=4.0, high=1000.0)


@dataclass(frozen=True)
class StatusParams:
    """The parameters of the status node."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    view: bool = param(False, 'Draw a map of robot, goal, scan and path, too.')
    policy: bool = param(False, 'A policy is among the nodes: show whether it is armed.')
    keys: bool = param(False, 'The joystick is a keyboard: name its keys.')
