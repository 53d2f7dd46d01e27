"""The contract of a command that names checkpoints: as ``--task`` says, else their own."""

from collections.abc import Sequence
from pathlib import Path

from ilw_core.contract.file import Contract, load_contract, named_contract
from ilw_core.errors import CheckpointError, IlwError
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.deployed import DEPLOYED, deployed_tasks, find_checkpoint
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.runtime.runner import BASELINES

DEFAULT_TASK = 'clutter'
"""Of commands that name neither a task nor a checkpoint"""


def contract_of(task: str | None, checkpoints: Sequence[str | Path | None],
                root: Path = Path(DEPLOYED)) -> Contract:
    """
    Return the contract that a command works with.

    :param task: name in ``config/tasks`` or path, as given; empty or ``None``: not given.
    :param checkpoints: folders, ``deployed``, baselines; the first with a contract decides.
    :param root: where deployed policies are.
    :returns: without a task, the file in ``config/tasks`` where it is still the contract of the
        checkpoint (it knows its folder, and how ``safety`` was tuned), else the checkpoint's copy.
    :raises IlwError: no such task or checkpoint, or ``deployed`` could be of several tasks.
    """
    if task:
        return named_contract(task)
    own = _own(checkpoints, root)
    if own is None:
        return named_contract(DEFAULT_TASK)
    return _as_configured(own) or own


def contracts_of(task: str | None, checkpoint: str) -> tuple[Contract, ...]:
    """
    Return the contracts of all tasks that a command drives: of a policy of several tasks all.

    :raises IlwError: as ``contract_of``.
    """
    if not task and checkpoint not in (DEPLOYED, *BASELINES):
        found = load_checkpoint(Path(checkpoint))
        if found.several:
            return tuple(_as_configured(each) or each for each in found.tasks)
    return (contract_of(task, [checkpoint]),)


def task_of(task: str, checkpoint: str, root: Path = Path(DEPLOYED)) -> str:
    """
    Return the name, or path, of the contract file for nodes that run a checkpoint.

    :raises IlwError: no task was named, and ``config/tasks`` has not the checkpoint's contract.
    """
    own = None if task else _own([checkpoint], root)
    if own is None:
        return task or DEFAULT_TASK
    if _as_configured(own) is None:
        raise IlwError(f'{checkpoint} was made for the contract {own.name} ({own.hash[:12]}), '
                       f'which config/tasks/{own.name}.yaml is not. Name the file that it was '
                       f'made with: --task FILE; its text is contract_text in policy.yaml.')
    return own.name


def require_checkpoint(checkpoint: str) -> None:
    """:raises CheckpointError: it is the name of a folder, and no checkpoint is there."""
    if checkpoint not in (DEPLOYED, *BASELINES):
        load_checkpoint(Path(checkpoint))


def _own(checkpoints: Sequence[str | Path | None], root: Path) -> Contract | None:
    for name in checkpoints:
        if name is None or str(name) in BASELINES:
            continue
        if str(name) != DEPLOYED:
            found = load_checkpoint(Path(name))
            if found.several:
                raise CheckpointError(f'{name} has learned several tasks: '
                                      f'{", ".join(found.task_names)}. Say which: --task '
                                      f'{found.task_names[0]}')
            return found.contract
        tasks = deployed_tasks(root)
        if len(tasks) > 1:
            raise CheckpointError(f'Policies of several tasks are deployed: {", ".join(tasks)}. '
                                  f'Say which: --task {tasks[0]}')
        if tasks:
            found = load_checkpoint(Path(find_checkpoint(DEPLOYED, tasks[0], root)))
            return found.doing(tasks[0]).contract if found.several else found.contract
    return None


def _as_configured(own: Contract) -> Contract | None:
    """Return the contract of that name in ``config/tasks``, if it is the same; else nothing."""
    try:
        found = load_contract(config_file('tasks', own.name))
    except IlwError:
        return None
    return found if found.hash == own.hash else None
