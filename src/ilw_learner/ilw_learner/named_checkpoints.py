"""The checkpoints that a request over the network may name. No ROS."""

from pathlib import Path

from ilw_core.roots import Roots, folders
from ilw_learner.deployed import find_checkpoint
from ilw_learner.runtime import BASELINES

DEFAULT_FOLDERS = 'runs:deployed:checkpoints'


class NamedCheckpoints:
    """
    Finds them: a baseline, ``deployed``, or a folder inside the roots.

    :param roots: folders, separated by ``:``; relative ones from where the process was started.
    :param task: whose deployed checkpoint ``deployed`` means.
    :param given: the checkpoint that the node was started with; those beside it may be named, too.
    """

    def __init__(self, roots: str, task: str, given: str = 'idle') -> None:
        allowed: list[str | Path] = [*folders(roots)]
        if given not in BASELINES:
            place = Path(given).absolute()
            holds = place.parent
            allowed.append(place if holds == holds.parent else holds)  # never the root of all
        self._roots, self._task = Roots(allowed), task

    def find(self, name: str) -> str:
        """
        Return what ``PolicyRunner`` takes: the baseline, or the folder without links in its path.

        :raises NotAllowedError: it is in none of the folders, whether it exists or not.
        :raises IlwError: it is, and is no folder; or nothing is deployed.
        """
        if name in BASELINES:
            return name
        return str(self._roots.folder(find_checkpoint(name, self._task), 'a checkpoint'))
