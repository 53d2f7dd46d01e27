"""The parameters of the trainer node, and what its goals may name."""

from dataclasses import dataclass
import os

from ilw_core.contract.file import load_contract
from ilw_core.contract.schema import shown
from ilw_core.errors import NotAllowedError
from ilw_core.storage.locate import config_file, config_folder
from ilw_core.storage.roots import MAX_NAME, Roots, folders
from ilw_learner.checkpoint.named import DEFAULT_FOLDERS, NamedCheckpoints
from ilw_ros.params import param


@dataclass(frozen=True)
class TrainerParams:
    """The parameters of the trainer node."""

    contract: str = param('clutter', 'Contract when a goal names none.')
    runs: str = param('runs', 'Folder that receives a folder per training run.')
    env: str = param('ilw_sim.env:make_env', 'Environment to choose checkpoints in, or none.')
    demonstrations: str = param(
        'demos', 'Folders, separated by a colon, whose episodes a goal may name.')
    configs: str = param(
        '', 'Folders, beside config/, whose contracts and training files a goal may name.')
    checkpoints: str = param(
        DEFAULT_FOLDERS, 'Folders whose checkpoints a goal may name, beside the runs.')


class TrainerRoots:
    """
    Finds what a goal names; a link that leads out of its folder is not followed.

    :raises IlwError: the contract of the parameters has a mistake.
    """

    def __init__(self, params: TrainerParams) -> None:
        self._demos = Roots(folders(params.demonstrations))
        self._configs = Roots([config_folder(), *folders(params.configs)])
        self._checkpoints = NamedCheckpoints(
            f'{params.runs}:{params.checkpoints}',
            load_contract(config_file('tasks', params.contract)).name)

    def demonstrations(self, name: str) -> str:
        """Return a folder of episodes; :raises NotAllowedError: it is not inside the roots."""
        return str(self._demos.folder(name, 'a folder of episodes'))

    def checkpoint(self, name: str) -> str:
        """Return a checkpoint or baseline; :raises NotAllowedError: it is not inside the roots."""
        return self._checkpoints.find(name)

    def config(self, kind: str, name: str) -> str:
        """
        Return the file of a name in ``config/<kind>/``, or of a path inside the roots.

        :raises IlwError: there is none.
        """
        if os.sep in name or name.endswith(('.yaml', '.yml', '.xml')):
            return str(self._configs.file(name, 'a file of the configuration'))
        if not name.isprintable() or len(name) > MAX_NAME:
            raise NotAllowedError(f'{shown(name)} must be a name in config/{kind}.')
        return str(config_file(kind, name))
