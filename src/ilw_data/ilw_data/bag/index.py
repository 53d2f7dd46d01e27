"""What ``metadata.yaml`` of a recording says was written. Reads nothing else."""

from dataclasses import dataclass
import os
from pathlib import Path

from ilw_core.contract.yaml_data import parse_yaml
from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import BAG_INDEX_FILE
from ilw_core.storage.files import read_bytes
from ilw_data.bag.raw.messages import DamagedBagError

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
    if not path.is_dir() or not os.path.lexists(file):
        return None
    try:
        text = read_bytes(file, _MAX_BYTES).decode()
        if not text:
            return None
        about = parse_yaml(text, BAG_INDEX_FILE)['rosbag2_bagfile_information']
        return BagIndex(tuple(Path(str(name)).name for name in about['relative_file_paths']),
                        int(about['message_count']))
    except (IlwError, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DamagedBagError(f'{BAG_INDEX_FILE}: {" ".join(str(error).split())}') from error
