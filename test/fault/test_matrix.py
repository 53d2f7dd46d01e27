"""Every row of ``./ilw faults``, with real nodes; rows that leave their nodes whole share them."""

import pytest

pytest.importorskip('rclpy')
from ilw_faults.lender import Lender
from ilw_faults.matrix import ALIKE, faults, inject, is_slow, page
from ilw_faults.row import Row


@pytest.fixture(scope='module')
def lender(tmp_path_factory):
    with Lender(tmp_path_factory.mktemp('faults')) as found:
        yield found


@pytest.mark.parametrize('fault', [
    pytest.param(fault, id=fault.name, marks=[pytest.mark.slow] if is_slow(fault) else [])
    for fault in sorted(faults(), key=lambda fault: repr(fault.nodes))])
def test_the_loop_reacts_as_it_must(fault, lender):
    row, why = inject(fault, lender)
    if row is None:
        pytest.skip(why)
    assert row.ok, f'expected: {row.expected}. Observed: {row.observed}'


def test_the_page_shows_what_was_not_as_expected():
    rows = [Row('good', 'a', 'b | c', 12.4, 0, ok=True), Row('bad', 'a', 'x', None, 2, ok=False)]
    text = page(rows, 'two cores, today', './ilw faults')
    assert '1 of 2 as expected' in text
    assert '| good | a | b / c | 12 | 0 | ok |' in text
    assert '| bad | a | x |  | 2 | **NOT OK** |' in text


def test_what_a_quick_run_leaves_out_is_a_part_of_the_whole():
    names = {fault.name for fault in faults()}
    assert names >= ALIKE
    assert len(faults(slow=False)) >= 30
