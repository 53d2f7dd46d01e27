"""The command that teaches a shell to complete this command line."""

import click
from click.shell_completion import get_completion_class

from ilw_core.text.terminal import echo

COMPLETES = '_ILW_COMPLETE'
"""The variable by which a shell asks what could come next"""


@click.command()
@click.argument('shell', type=click.Choice(['bash', 'zsh', 'fish']))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """
    Print what makes SHELL complete commands, options, tasks and files of ./ilw.

    For this shell only: eval "$(./ilw completion bash)"; for all to come:

    Example: ./ilw completion bash >> ~/.bashrc
    """
    kind = get_completion_class(shell)
    assert kind is not None, 'click knows the three'
    for line in kind(ctx.find_root().command, {}, 'ilw', COMPLETES).source().splitlines():
        echo(line)
