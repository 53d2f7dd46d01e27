"""
The errors a person can do something about.

A message has three parts: the rule, what was got, what to do next. The command line prints it on
one line and exits with code 2; a node refuses to start. Broken invariants raise ``ValueError``.
"""


class IlwError(Exception):
    """Something the user can put right; the text says how."""


class ContractError(IlwError):
    """A contract file breaks the schema, or two contracts that must agree do not."""


class EpisodeError(IlwError):
    """A folder is not an episode, or its bag cannot be used."""


class CheckpointError(IlwError):
    """A folder is not a checkpoint, or its files are not the ones it was saved with."""


class StorageError(IlwError):
    """The disk refused: full, read-only or gone."""
