"""
One target in a process of its own: worker.py MODULE.TARGET ENGINE FIRST COUNT ACCOUNT KEPT.

ENGINE is ``own`` (mutate.py, inputs FIRST to FIRST + COUNT) or ``atheris`` (guided by coverage).
The number of the input at hand is in ACCOUNT.at, should the process die of it.
"""

import importlib
import logging
import mmap
import os
from pathlib import Path
import sys
import tempfile
from typing import Any
import warnings

sys.path[0] = str(Path(__file__).resolve().parents[1])

_GUIDED = ['ilw_core', 'ilw_data', 'ilw_sysid', 'ilw_learner', 'ilw_teleop', 'ilw_sim', 'yaml',
           'mcap', 'rosbags']
_LONGEST = 100_000


def main() -> None:
    """Run one target."""
    name, engine, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    module, _, name = name.partition('.')
    warnings.simplefilter('ignore')
    logging.disable(logging.CRITICAL)
    scratch = tempfile.TemporaryDirectory()
    folder = Path(scratch.name)
    if engine == 'atheris':
        import atheris
        with atheris.instrument_imports(include=_GUIDED):
            made = importlib.import_module(f'fuzz.{module}').targets(folder)
    else:
        made = importlib.import_module(f'fuzz.{module}').targets(folder)
    from fuzz.judge import Judge
    judge = Judge(next(t for t in made if t.name == name), Path(sys.argv[5]), Path(sys.argv[6]))
    if engine == 'atheris':
        _guided(judge, folder, first, count)
    else:
        _own(judge, first, count)
    judge.save()


def _own(judge: Any, first: int, count: int) -> None:
    from fuzz.mutate import mutate
    target = judge.target
    at = os.open(Path(sys.argv[5]).with_suffix('.at'), os.O_RDWR | os.O_CREAT)
    os.ftruncate(at, 8)
    with mmap.mmap(at, 8) as number:
        for i in range(first, first + count):
            number[:8] = i.to_bytes(8, 'little')
            judge.run(mutate(target.seeds, i, target.words))


def _guided(judge: Any, folder: Path, first: int, count: int) -> None:
    import atheris
    (corpus := folder / 'corpus').mkdir()
    for i, seed in enumerate(judge.target.seeds):
        (corpus / str(i)).write_bytes(seed)

    def one(data: bytes) -> None:
        judge.run(data)
        if judge.account.inputs % 50 == 0:  # the fuzzer ends the process without a word
            judge.save()

    atheris.Setup([sys.argv[0], f'-runs={count}', f'-max_len={_LONGEST}', f'-seed={first + 1}',
                   '-rss_limit_mb=0', '-timeout=120', '-verbosity=0',
                   f'-artifact_prefix={sys.argv[6]}/{judge.target.name}-', str(corpus)], one)
    atheris.Fuzz()


if __name__ == '__main__':
    main()
