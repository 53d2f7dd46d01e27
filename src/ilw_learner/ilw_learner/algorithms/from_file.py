"""An algorithm of one's own, in a file anywhere: what is in it is run, as any program is."""

from collections.abc import Callable
from dataclasses import is_dataclass, replace
import hashlib
import importlib.util
from pathlib import Path
import sys
import traceback
from typing import Any

from ilw_core.contract.schema import shown
from ilw_core.errors import ContractError, GraphError, IlwError
from ilw_core.storage.files import read_bytes
from ilw_learner.algorithms.base import Algorithm
from ilw_learner.training.options import TrainConfig
from ilw_learner.training.progress import CancelledError

_MAX_BYTES = 1_000_000
_RULE = ('An algorithm file must end with ALGORITHM = Algorithm(Config, train); see '
         'docs/how-to/add_an_algorithm.md.')


def algorithm_in(path: Path) -> tuple[str, Algorithm]:
    """
    Return the name, the file's, and the algorithm ``ALGORITHM`` in it.

    :raises ContractError: it cannot be run, or has no algorithm.
    """
    path = path.absolute()  # as Python names it in what it says of an error
    name = path.stem
    spec = importlib.util.spec_from_file_location(f'ilw_algorithm_{name}', path)
    if path.suffix != '.py' or spec is None or spec.loader is None or not path.is_file():
        raise ContractError(f'{path} must be a Python file. {_RULE}')
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ContractError(f'{_where(path, error)}. {_RULE}') from error
    found = getattr(module, 'ALGORITHM', None)
    if not isinstance(found, Algorithm):
        raise ContractError(f'{path}: ALGORITHM is {shown(found)}. {_RULE}')
    config: Any = found.config
    if not (isinstance(config, type) and issubclass(config, TrainConfig)
            and is_dataclass(config)):
        raise ContractError(f'{path}: ALGORITHM.config must be a dataclass that inherits from '
                            f'TrainConfig or ImitationConfig. Got {shown(config)}.')
    # Fields, and what is annotated as of the class; without the decorator they are the parent's.
    plain = vars(config).get('__annotations__', {}).keys() - config.__dataclass_fields__.keys()
    if plain:
        raise ContractError(f'{path}: {config.__name__} has {", ".join(sorted(plain))}, which no '
                            f'file can set. Write @dataclass(frozen=True) above it.')
    if not callable(found.train):
        raise ContractError(f'{path}: ALGORITHM.train must be a function (options, on_progress) '
                            f'-> TrainSummary. Got {shown(found.train)}.')
    return name, replace(found, train=_explained(path, found.train))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of an algorithm's file."""
    return hashlib.sha256(read_bytes(path, _MAX_BYTES)).hexdigest()


def _explained(path: Path, train: Callable[..., Any]) -> Callable[..., Any]:
    """Return the training, whose mistakes are said in a line that names the file's own line."""

    def run(*args: Any) -> Any:
        try:
            return train(*args)
        except GraphError as error:
            raise ContractError(f'{path}: {error}') from error
        except (IlwError, CancelledError):
            raise
        except Exception as error:
            raise ContractError(f'{_where(path, error)}. Correct the algorithm.') from error

    return run


def _where(path: Path, error: BaseException) -> str:
    """Return the last line of a file that an error passed through, and the error, in one line."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f'{path}:{error.lineno}: {error.msg}'
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == str(path)]
    at = f':{lines[-1]}' if lines else ''
    said = ' '.join(str(error).split())[:300]
    return f'{path}{at}: {type(error).__name__}: {said}'
