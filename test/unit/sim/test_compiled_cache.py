"""What numba caches is renewed when any file that is compiled into it changes."""

from pathlib import Path

import pytest

pytest.importorskip('numba')

from ilw_sim.batch import kernel

FOLDER = Path(kernel.__file__).parent


@pytest.mark.parametrize('name', ['step_block', 'reset_block', 'step_all', 'reset_all'])
def test_what_is_cached_closes_over_the_digest_of_the_sources(name):
    # Numba's key of a cached function has the values that it closes over.
    closed = getattr(kernel, name).py_func.__closure__
    assert [cell.cell_contents for cell in closed] == [kernel._SOURCES]


def test_the_digest_is_of_every_file_with_compiled_functions():
    compiled = {path.name for path in FOLDER.glob('*.py')
                if any(line.startswith(('@jit', 'jit =', '    @njit'))
                       for line in path.read_text().splitlines())}
    assert compiled == set(kernel._FILES)
