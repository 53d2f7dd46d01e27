"""Batches with a fixed share of each part of the data."""

from collections import Counter

import pytest
import torch

from ilw_learner.data.mixed_rows import MixedRows, shared_batch


def rows(sizes, counts, batches, seed=0):
    mixed = MixedRows(sizes, counts, torch.Generator().manual_seed(seed))
    return [mixed.next().tolist() for _ in range(batches)]


@pytest.mark.parametrize(('batch', 'ratio', 'split'), [
    (256, 0.5, (128, 128)), (255, 0.5, (127, 128)), (10, 0.25, (7, 3)), (7, 0.0, (7, 0)),
    (10, 0.3, (7, 3)), (2, 0.5, (1, 1))])
def test_at_least_the_share_is_old(batch, ratio, split):
    assert shared_batch(batch, ratio) == split


@pytest.mark.parametrize(('batch', 'ratio'), [(1, 0.5), (4, 0.9), (8, 1.0), (8, -0.1)])
def test_a_batch_without_new_windows_is_refused(batch, ratio):
    with pytest.raises(ValueError, match='Raise batch'):
        shared_batch(batch, ratio)


def test_every_batch_has_exactly_its_share_of_each_part():
    for batch in rows((10, 700), (5, 3), 300):
        assert [sum(row < 10 for row in batch), sum(row >= 10 for row in batch)] == [5, 3]
        assert all(0 <= row < 710 for row in batch)


@pytest.mark.parametrize(('size', 'count'), [(12, 4), (10, 4), (3, 7)])
def test_a_part_is_gone_through_whole_before_a_row_comes_again(size, count):
    drawn = [row for batch in rows((5, size), (1, count), 60) for row in batch if row >= 5]
    seen = Counter(drawn)
    assert len(seen) == size and max(seen.values()) - min(seen.values()) <= -(-count // size)
    if count <= size:
        for begin in range(0, len(drawn) - size, size):
            assert len({*drawn[begin:begin + size]}) == size


def test_each_pass_has_another_order_and_a_seed_repeats_it():
    first, second = rows((50,), (50,), 2)
    assert sorted(first) == sorted(second) and first != second
    assert [first, second] == rows((50,), (50,), 2) != rows((50,), (50,), 2, seed=1)


def test_it_goes_on_where_it_was():
    rng = torch.Generator().manual_seed(3)
    mixed = MixedRows((9, 20), (4, 6), rng)
    for _ in range(5):
        mixed.next()
    state, drawing = mixed.state(), rng.get_state()
    wanted = [mixed.next().tolist() for _ in range(6)]
    again = torch.Generator()
    again.set_state(drawing)
    other = MixedRows((9, 20), (4, 6), again)
    other.load(state)
    assert [other.next().tolist() for _ in range(6)] == wanted


def test_an_empty_part_is_refused_before_it_is_drawn_from():
    with pytest.raises(ValueError, match='need parts that have some'):
        MixedRows((0, 5), (1, 1), torch.Generator())
    assert rows((0, 5), (0, 2), 3)
