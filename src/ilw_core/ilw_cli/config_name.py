"""The type of an option that names a file in ``config/``, so that a shell can complete it."""

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_folder


class ConfigName(click.ParamType):
    """
    A name in ``config/<kind>/``, or a path; taken as it is, and looked up by who reads it.

    :param kind: a folder in ``config/``, as ``tasks``.
    """

    name = 'text'

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter,
                       incomplete: str) -> list[CompletionItem]:
        """Return the names that begin so; what looks like a path is left to the shell."""
        del ctx, param
        if '/' in incomplete:
            return [CompletionItem(incomplete, type='file')]
        return [CompletionItem(name) for name in names_in(self.kind)
                if name.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        del param, ctx
        return value


def names_in(kind: str) -> list[str]:
    """Return the names of the files in ``config/<kind>/``, sorted; none where there are none."""
    try:
        folder: Path = config_folder() / kind
        return sorted(path.stem for path in folder.glob('*.yaml'))
    except (IlwError, OSError):
        return []
