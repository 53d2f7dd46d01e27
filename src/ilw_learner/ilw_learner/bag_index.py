"""What ``metadata.yaml`` of a recording says was written. Reads nothing else."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from ilw_core.episode_folder import BAG_INDEX_FILE
from ilw_learner.raw_messages import DamagedBagError

_MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class BagIndex:
    """What matters of it here."""

    files: tuple[str, ...]
    """Names only: what it says of folders is not followed"""
    messages: int


def read_index(path: Path) -> BagIndex | None:
    """
    Return the index of a recording's folder; ``None`` if it has none, or an empty one.

    :raises DamagedBagError: it cannot be read.
    """
    file = path / BAG_INDEX_FILE
    if not path.is_dir() or not file.is_file() or not file.stat().st_size:
        return None
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ValueError(f'it has more than {_MAX_BYTES} bytes')
        about = yaml.safe_load(file.read_text(encoding='utf-8'))['rosbag2_bagfile_information']
        return BagIndex(tuple(Path(str(name)).name for name in about['relative_file_paths']),
                        int(about['message_count']))
    except (yaml.YAMLError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedBagError(f'{BAG_INDEX_FILE}: {" ".join(str(error).split())}') from error
