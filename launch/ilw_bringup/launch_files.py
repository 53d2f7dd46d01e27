"""Turn a bring-up into a launch description. The only file of ILW that needs launch_ros."""

from typing import Any

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from ilw_bringup.bringup import BRINGUPS, NodeSpec, resolve
from launch import LaunchContext, LaunchDescription


def describe(name: str) -> LaunchDescription:
    """Return the launch description of the bring-up ``name``."""
    arguments = BRINGUPS[name].arguments

    def start(context: LaunchContext) -> list[Node]:
        given = {a.name: LaunchConfiguration(a.name).perform(context) for a in arguments}
        bringup, values = resolve(name, given)
        return [_node(spec) for spec in bringup.nodes(values)]

    return LaunchDescription([*(_declare(a) for a in arguments), OpaqueFunction(function=start)])


def _declare(argument: Any) -> DeclareLaunchArgument:
    default = argument.default
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return DeclareLaunchArgument(argument.name, default_value=text, description=argument.text,
                                 choices=list(argument.choices) or None)


def _node(spec: NodeSpec) -> Node:
    return Node(package=spec.package, executable=spec.executable, name=spec.name,
                parameters=[spec.parameters], remappings=list(spec.remappings.items()),
                output='screen', emulate_tty=spec.terminal)
