"""
What a robot's driver calls its topics and frames, and which command it takes.

Part of a robot profile in ``config/robots``; the bring-up applies it to every node.
"""

from dataclasses import dataclass, field
import re

from ilw_core.contract.command_topic import CommandTopic, same_command
from ilw_core.contract.schema import Section

_NAME = re.compile(r'/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')
_FRAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_/.-]*')
FRAMES = ('base', 'odom', 'laser')
COMMANDS = ('geometry_msgs/msg/Twist', 'geometry_msgs/msg/TwistStamped')


@dataclass(frozen=True)
class RobotInterface:
    """The names on the robot's side."""

    namespace: str = ''
    """Where the driver's nodes are, as ``robot1``; empty: at the root"""
    topics: dict[str, str] = field(default_factory=dict)
    """The contract's topic -> the driver's; others are called alike"""
    command_type: str = ''
    """What the driver takes; empty: what the contract says"""
    frames: dict[str, str] = field(default_factory=dict)
    """``base``, ``odom``, ``laser`` -> frame id; others are not checked"""

    def sent_as(self, command: CommandTopic) -> str:
        """Return the message type that the driver takes a command as."""
        wanted = self.command_type
        return wanted if wanted and same_command(wanted, command.type) else command.type


def read_interface(root: Section) -> RobotInterface:
    """
    Take ``namespace``, ``topics``, ``command`` and ``frames`` out of a profile.

    :raises ContractError: one of them is not what it must be.
    """
    namespace = root.text('namespace') if root.has('namespace') else ''
    root.take('namespace')
    if namespace and not _NAME.fullmatch(namespace):
        raise root.error('namespace', 'a ROS namespace, as robot1', namespace)
    section = root.section('topics', required=False)
    topics = {}
    for name in section.keys():  # noqa: SIM118 - a method, not a dict
        topics[name] = section.text(name)
        if not (_NAME.fullmatch(name) and _NAME.fullmatch(topics[name])):
            raise section.error(name, "a topic: the contract's name, then the driver's",
                                topics[name])
    section.done()
    command = root.text('command', choices=COMMANDS) if root.has('command') else ''
    root.take('command')
    section = root.section('frames', required=False)
    frames = {}
    for name in FRAMES:
        if section.has(name):
            frames[name] = section.text(name)
            if not _FRAME.fullmatch(frames[name]):
                raise section.error(name, 'a frame id, as base_link', frames[name])
    section.done()
    return RobotInterface(namespace.strip('/'), topics, command, frames)
