"""Turn a bring-up into a launch description. The only file of ILW that needs launch_ros."""

from typing import Any

from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from ilw_bringup.start.bringup import BRINGUPS, NodeSpec, require_files, resolve
from ilw_bringup.start.node_environment import node_environment
from launch import LaunchContext, LaunchDescription


def describe(name: str) -> LaunchDescription:
    """Return the launch description of the bring-up ``name``."""
    arguments = BRINGUPS[name].arguments

    def start(context: LaunchContext) -> list[LogInfo | Node]:
        given = {a.name: LaunchConfiguration(a.name).perform(context) for a in arguments}
        bringup, values = resolve(name, given)
        require_files(bringup, values)
        specs = bringup.nodes(values)
        variables = node_environment(values, specs)
        said = ', '.join(f'{key}={value}' for key, value in variables.items())
        return [LogInfo(msg=f'Nodes start with {said}; see the argument network.'),
                *(_node(spec, variables) for spec in specs)]

    return LaunchDescription([*(_declare(a) for a in arguments), OpaqueFunction(function=start)])


def _declare(argument: Any) -> DeclareLaunchArgument:
    default = argument.default
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return DeclareLaunchArgument(argument.name, default_value=text, description=argument.text,
                                 choices=list(argument.choices) or None)


def _node(spec: NodeSpec, variables: dict[str, str]) -> Node:
    ros = ['--enclave', spec.enclave] if spec.enclave else []
    if spec.log_level != 'info':
        ros += ['--log-level', spec.log_level]
    return Node(package=spec.package, executable=spec.executable, name=spec.name,
                namespace=spec.namespace or None,
                additional_env=variables,
                arguments=list(spec.words), ros_arguments=ros,
                parameters=[spec.parameters, *([spec.params_file] if spec.params_file else [])],
                remappings=list(spec.remappings.items()),
                respawn=spec.respawn, respawn_delay=1.0 if spec.respawn else None,
                output='screen', emulate_tty=spec.terminal)
