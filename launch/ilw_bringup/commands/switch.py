"""The command that tells a running policy which of its tasks it is to do."""

import json
import os

import click

from ilw_cli.options import json_option
from ilw_core.errors import IlwError
from ilw_core.text.terminal import echo


@click.command()
@click.argument('task')
@click.option('--namespace', default='', help='Namespace of the nodes, as robot1.')
@json_option
def switch(task: str, namespace: str, as_json: bool) -> None:
    """
    Have the running policy do another of its tasks; the robot stops, and is to be armed again.

    Example: ./ilw switch dock
    """
    from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
    from rcl_interfaces.srv import SetParameters

    from ilw_bringup.session import LoopError, Session
    from ilw_bringup.start.bringup import discovery

    os.environ.update(discovery('auto', os.environ))
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=task)
    name = '/'.join(['', *filter(None, [namespace.strip('/'), 'policy/set_parameters'])])
    with Session() as session:
        try:
            answer, = session.call(SetParameters, name, SetParameters.Request(
                parameters=[Parameter(name='task', value=value)])).results
        except LoopError as error:
            raise IlwError(f'No policy answers. {error} Start one: ./ilw up deploy --checkpoint '
                           f'DIR. If one runs, name its --namespace, and its domain with '
                           f'ROS_DOMAIN_ID.') from error
    if not answer.successful:
        raise IlwError(answer.reason)
    if as_json:
        echo(json.dumps({'task': task}))
    else:
        echo(f'The policy does {task or "the task of its contract"} once it is armed again.')
