"""The folders that the page may name: episodes, runs, deployed policies; nothing beside them."""

from dataclasses import dataclass
from pathlib import Path

from ilw_core.errors import IlwError


@dataclass(frozen=True)
class KnownFolders:
    """Where things lie, as given to the cockpit."""

    demos: Path
    """Folder of folders of episodes"""
    runs: Path
    """Folder that receives a folder per training run"""
    deployed: Path
    """Folder of the promoted policies"""
    task: str
    """Contract of the cockpit: a name in ``config/tasks``, or a path"""

    def find(self, text: str) -> Path:
        """
        Return a folder that the page names.

        :raises IlwError: it is none, or in none of the three.
        """
        if not text:
            raise IlwError('Choose a folder.')
        path = Path(text)
        try:
            real = path.resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise IlwError(f'There is no folder {text[:200]!r}. List anew and choose another.'
                           ) from error
        roots = [root.resolve() for root in (self.demos, self.runs, self.deployed)]
        if not real.is_dir() or not any(real.is_relative_to(root) for root in roots):
            raise IlwError(f'The page may name folders in {self.demos}, {self.runs} and '
                           f'{self.deployed} only. Got {text[:200]!r}.')
        return path
