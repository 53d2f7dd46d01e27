"""Where the numbers of a training run go: TensorBoard, ``metrics.jsonl``, Weights & Biases."""

import math
import os
from pathlib import Path
import time
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from ilw_core.errors import IlwError
from ilw_core.storage.files import end_torn_line, json_text, open_to_append

METRICS = 'metrics.jsonl'
TRACKERS = ('tensorboard', 'wandb')


class Tracker:
    """
    Writes down the numbers of one run; use it as a context.

    :param folder: ``runs/<id>/``; an interrupted run's numbers are added to.
    :param track: ``wandb`` sends everything to Weights & Biases, too. Without an account set
        ``WANDB_MODE=offline``, which is the default here when no key is known.
    :raises IlwError: wandb is not installed.
    """

    def __init__(self, folder: Path, track: str = 'tensorboard') -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._wandb = _start_wandb(folder) if track == 'wandb' else None
        self._board = SummaryWriter(str(folder))
        self._log = open_to_append(folder / METRICS)
        end_torn_line(self._log)  # of a run that was interrupted
        self._begin, self._paused_s = time.monotonic(), 0.0

    def __enter__(self) -> 'Tracker':
        return self

    def __exit__(self, *_: object) -> None:
        self._board.close()
        self._log.close()
        if self._wandb is not None:
            self._wandb.finish()

    @property
    def train_s(self) -> float:
        """Seconds of this run, what was left out not counted."""
        return time.monotonic() - self._begin - self._paused_s

    def leave_out(self, seconds: float) -> None:
        """Do not count some seconds as training, as those of an evaluation."""
        self._paused_s += seconds

    def write(self, step: int, metrics: dict[str, float], **at: float) -> None:
        """
        Write numbers down.

        :param step: environment steps, or updates where there is no environment.
        :param at: what else says where in the run this was.
        """
        for name, value in metrics.items():
            self._board.add_scalar(name, value, step)
        known = {k: v for k, v in metrics.items() if math.isfinite(v)}
        self._log.write(json_text(
            {'step': step, **at, 'train_s': round(self.train_s, 2), **known}).encode() + b'\n')
        if self._wandb is not None:
            self._wandb.log(known, step=step)


def _start_wandb(folder: Path) -> Any:
    try:
        import wandb
    except ImportError as error:
        raise IlwError('--track wandb needs the package wandb: .venv/bin/pip install '
                       'wandb') from error
    if not os.environ.get('WANDB_API_KEY') and not (Path.home() / '.netrc').exists():
        os.environ.setdefault('WANDB_MODE', 'offline')
    return wandb.init(project='ilw', name=folder.name, dir=str(folder))
