"""Which action of which chunk is due: by hand, tick by tick."""

import numpy as np
import pytest

from ilw_core.errors import CheckpointError
from ilw_learner.runtime.chunk_executor import ChunkExecutor, Execution, execution_of

P = 100_000_000


def chunk(first, count=6):
    """Return actions that name themselves: first, first + 1, ... in both fields."""
    return np.repeat(np.arange(first, first + count, dtype=float)[:, None], 2, axis=1)


def drive(executor, ticks, delay=0, frozen=None):
    """Return the first field of what is driven at each tick; chunks begun at t are 100 t + k."""
    driven, arriving = [], []

    def arrive(t):
        while arriving and arriving[0][0] <= t:
            _, begun, actions = arriving.pop(0)
            executor.take(begun, actions, delay * P / 1e9)

    for t in range(ticks):
        arrive(t)
        if executor.due(t * P):
            begun = executor.begin(t * P)
            arriving.append((t + delay, begun, chunk(100 * t)))
            if frozen is not None:
                frozen.append(begun.frozen[:, 0].tolist() if len(begun.frozen) else [])
        arrive(t)
        left = executor.left(t * P)
        driven.append(left[0, 0] if len(left) else None)
    return driven


def test_so_many_actions_of_a_chunk_are_driven_before_the_next_is_begun():
    assert drive(ChunkExecutor(Execution(execute=3), P), 7) == [0, 1, 2, 300, 301, 302, 600]


def test_asked_at_every_tick_only_first_actions_are_driven():
    assert drive(ChunkExecutor(Execution(), P), 4) == [0, 100, 200, 300]


def test_while_the_next_is_computed_the_last_goes_on_and_the_next_counts_from_now():
    driven = drive(ChunkExecutor(Execution(execute=5), P), 12, delay=2)
    assert driven == [None, None, 2, 3, 4, 302, 303, 304, 602, 603, 604, 902]


def test_the_next_is_begun_earlier_by_what_it_takes_so_that_no_older_actions_are_driven():
    for delay in range(4):
        ages = [each % 100 for each in drive(ChunkExecutor(Execution(execute=6), P), 40, delay)
                if each is not None]
        assert max(ages) == 5 and min(ages) == delay


def test_slower_than_the_actions_between_two_chunks_one_is_begun_as_the_last_is_there():
    driven = drive(ChunkExecutor(Execution(execute=3), P), 9, delay=2)
    assert driven == [None, None, 2, 3, 202, 203, 402, 403, 602]


def test_a_chunk_that_ends_before_the_next_is_there_leaves_a_gap():
    assert drive(ChunkExecutor(Execution(execute=6), P), 11, delay=5)[4:] == [
        None, 5, None, None, None, None, 505]


def test_an_ensemble_averages_what_chunks_have_for_the_same_tick_the_oldest_weighing_most():
    executor = ChunkExecutor(Execution(execute=1, join='ensemble', decay=np.log(2.0)), P)
    one, two, three = 2, 101, 200  # each chunk's action for tick 2
    assert drive(executor, 3)[2] == pytest.approx((one + two / 2 + three / 4) / 1.75)


def test_an_ensemble_forgets_chunks_that_have_no_action_left():
    executor = ChunkExecutor(Execution(execute=1, join='ensemble', decay=0.0), P)
    assert drive(executor, 8)[7] == pytest.approx(np.mean([100 * t + 7 - t for t in range(2, 8)]))


def test_a_prefix_is_what_is_driven_meanwhile_as_many_actions_as_the_last_answers_took():
    executor, frozen = ChunkExecutor(Execution(execute=5, join='prefix', frozen=4), P), []
    driven = drive(executor, 9, delay=2, frozen=frozen)
    assert frozen == [[], [3, 4], [303, 304]]
    assert driven[3:9] == [3, 4, 302, 303, 304, 602]


def test_no_more_actions_are_frozen_than_the_network_has_learned():
    executor, frozen = ChunkExecutor(Execution(execute=2, join='prefix', frozen=1), P), []
    drive(executor, 7, delay=3, frozen=frozen)
    assert [len(each) for each in frozen] == [0, 1, 1]


def test_what_was_frozen_is_driven_to_the_bit_whatever_the_network_made_of_it():
    executor = ChunkExecutor(Execution(execute=2, join='prefix', frozen=3), P)
    executor.take(executor.begin(0), chunk(0), 0.25)  # three periods
    begun = executor.begin(2 * P)
    executor.take(begun, chunk(50), 0.0)  # this time at once: the prefix is still ahead
    assert executor.left(2 * P)[:4, 0].tolist() == [2, 3, 4, 53]


def test_half_a_period_is_waited_for_at_its_own_tick_more_counts_later():
    executor = ChunkExecutor(Execution(), P)
    assert [executor.delay(s) for s in (0.0, 0.05, 0.0501, 0.1, 0.101, 0.3)] == [0, 0, 1, 1, 2, 3]


def test_who_cannot_see_does_not_go_on_with_what_is_left():
    executor = ChunkExecutor(Execution(execute=2), P)
    executor.take(executor.begin(0), chunk(0), 0.0)
    assert len(executor.left(2 * P)) == 4
    executor.take(executor.begin(2 * P), None, 0.0)
    assert executor.plan(2 * P) is None and executor.due(2 * P)


def test_a_chunk_of_the_episode_before_is_left_where_it_is():
    executor = ChunkExecutor(Execution(), P)
    begun = executor.begin(0)
    executor.reset()
    executor.take(begun, chunk(0), 0.0)
    assert executor.plan(0) is None


def test_ticks_before_the_plan_have_no_action():
    executor = ChunkExecutor(Execution(), P)
    executor.take(executor.begin(5 * P), chunk(0), 0.0)
    assert executor.plan(4 * P) is None and executor.plan(11 * P) is None
    assert len(executor.left(10 * P)) == 1


@pytest.mark.parametrize(('values', 'said'), [
    ({'join': 'blend'}, 'join must be one of replace, ensemble, prefix'),
    ({'execute': 0}, 'execute must be at least 1'), ({'decay': float('nan')}, 'decay'),
    ({'frozen': -1}, 'frozen'), ({'join': 'prefix'}, 'frozen must be at least 1')])
def test_an_execution_that_cannot_be_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        Execution(**values)


@pytest.mark.parametrize('said', [5, {'execute': 1.5}, {'speed': 1}, {'join': 'blend'},
                                  {'execute': True}, [], {'join': None}])
def test_a_card_that_says_what_nobody_knows_is_refused_with_its_file(said):
    with pytest.raises(CheckpointError, match=r'some/policy\.yaml: .*Got'):
        execution_of({'execution': said}, 'some/policy.yaml')


def test_a_card_that_says_nothing_is_asked_at_every_tick():
    assert execution_of({}, '') == Execution() == Execution(1, 'replace', 0.01, 0)
    assert execution_of({'execution': {'execute': 4}}, '').execute == 4
