"""``./ilw faults`` says what it would not do before it begins."""

import pytest

from ilw_faults.command import faults


@pytest.mark.parametrize('more', [(), ('--stops', '3'), ('--soak-hours', '1')])
def test_a_folder_that_is_there_is_not_written_into(run, tmp_path, more):
    code, out, err = run(faults, 'deadman', '--keep', tmp_path, *more)
    assert (code, out) == (2, '')
    assert 'Give --keep a new folder.' in err
    assert not list(tmp_path.iterdir())


def test_a_fault_that_nobody_knows_is_named_with_the_way_to_the_list(run):
    code, _, err = run(faults, 'earthquake', '--list')
    assert code == 2 and 'earthquake' in err and '--list' in err
