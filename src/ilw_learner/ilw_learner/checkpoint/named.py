"""The checkpoints that a request over the network may name."""

import os

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError
from ilw_core.storage.roots import Roots, folders
from ilw_learner.checkpoint.deployed import DEPLOYED, find_checkpoint
from ilw_learner.runtime.runner import BASELINES

DEFAULT_FOLDERS = 'runs:deployed:checkpoints'


class NamedCheckpoints:
    """
    Finds them: a baseline, ``deployed``, a folder inside the roots, or the one given.

    :param roots: folders, separated by ``:``; relative ones from where the process was started.
    :param task: whose deployed checkpoint ``deployed`` means.
    :param given: the checkpoint that the node was started with; it may be named, too, as it was
        given or by its whole path, but nothing in it or beside it.
    """

    def __init__(self, roots: str, task: str, given: str = 'idle') -> None:
        self._roots, self._task = Roots(folders(roots)), task
        # Compared as text: what a request names is not looked at before it is allowed.
        self._given = '' if given in ('', DEPLOYED, *BASELINES) else os.path.abspath(given)
        self._names = {given, self._given, os.path.realpath(given)} if self._given else set()

    def find(self, name: str) -> str:
        """
        Return what ``PolicyRunner`` takes: the baseline, or the folder without links in its path.

        :raises NotAllowedError: it is in none of the folders, whether it exists or not.
        :raises IlwError: it is, and is no folder; or nothing is deployed.
        """
        if name in BASELINES:
            return name
        if name in self._names:
            if not os.path.isdir(self._given):
                raise IlwError(f'{shown(name)} must be a checkpoint. Got no folder there.')
            return os.path.realpath(self._given)
        return str(self._roots.folder(find_checkpoint(name, self._task), 'a checkpoint'))
