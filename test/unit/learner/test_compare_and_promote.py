"""Two policies from the same starts, a log that survives a crash, and what may be deployed."""

import json

import pytest

from ilw_bringup.commands.compare import compare
from ilw_core.errors import CheckpointError, IlwError
from ilw_core.scores.paired import PairCounts
from ilw_learner.checkpoint.deployed import Deployed, find_checkpoint
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.checkpoint.promotion import judge_against, judge_first
from ilw_learner.commands.promote import promote
from ilw_learner.commands.replay import replay
from ilw_learner.rollout.compare import compared, verdict
from ilw_learner.rollout.trial_log import Trial, TrialLog

HEADER = {'task': 'clutter', 'contract': 'c', 'where': 'w', 'policies': ['a', 'b']}


def log_of(path, outcomes):
    """Return a log of pairs, as in '11 10 01': did P0 and P1 succeed?"""
    log = TrialLog(path, HEADER)
    for pair, (one, other) in enumerate(outcomes.split()):
        log.add(Trial(pair, 'P0', one == '1', 'goal'))
        log.add(Trial(pair, 'P1', other == '1', 'goal'))
    return log


@pytest.mark.parametrize('command', [compare, promote, replay], ids=lambda c: c.name)
def test_every_help_has_an_example(run, command):
    code, out, _ = run(command, '--help')
    assert code == 0 and f'Example: ./ilw {command.name} ' in ' '.join(out.split())


# -- the log


def test_a_torn_line_is_dropped_and_the_rest_goes_on(tmp_path):
    with log_of(tmp_path / 'log', '11 10'):
        pass
    with (tmp_path / 'log').open('ab') as stream:
        stream.write(b'{"pair": 2, "pol')
    with TrialLog(tmp_path / 'log', HEADER) as log:
        assert len(log.trials) == 4
        log.add(Trial(2, 'P0', True, 'goal'))
    with TrialLog(tmp_path / 'log', HEADER) as log:
        assert log.trials[2, 'P0'].success
        assert log.counts(3).n == 2, 'half a pair is none'


def test_a_log_of_another_comparison_is_refused(tmp_path):
    with log_of(tmp_path / 'log', '11'):
        pass
    with pytest.raises(IlwError, match='another comparison'):
        TrialLog(tmp_path / 'log', {**HEADER, 'policies': ['a', 'c']})
    (tmp_path / 'other').write_text('hello\n')
    with pytest.raises(IlwError, match='holds no trials'):
        TrialLog(tmp_path / 'other', HEADER)


@pytest.mark.parametrize('change', [
    {'pair': [1]}, {'pair': -1}, {'pair': True}, {'policy': 'P2'}, {'policy': ['P0']},
    {'success': 'no'}, {'success': 1}, {'success': None}, {'stop_reason': 5}, {'seed': '1'},
    {'time_s': None}, {'other': 1}])
def test_a_row_that_is_no_trial_shifts_no_numbers(tmp_path, change):
    with log_of(tmp_path / 'log', '11'):
        pass
    row = {'pair': 1, 'policy': 'P0', 'success': True, 'stop_reason': 'goal', **change}
    with (tmp_path / 'log').open('a') as stream:
        stream.write(json.dumps(row) + '\n')
    with pytest.raises(IlwError, match='holds no trials'):
        TrialLog(tmp_path / 'log', HEADER)


def test_one_log_has_one_writer(tmp_path):
    with log_of(tmp_path / 'log', '11'), pytest.raises(IlwError, match='in use'):
        TrialLog(tmp_path / 'log', HEADER)


# -- what pairs show


def test_a_summary_counts_pairs_and_says_which_is_better(tmp_path):
    with log_of(tmp_path / 'log', '11 11 00 ' + '01 ' * 9 + '10') as log:
        found = compared(log, 13)
    assert found.counts == PairCounts(both=2, only_first=1, only_second=9, neither=1)
    assert [row.success for row in found.tallies] == [3, 11]
    assert found.difference == pytest.approx(8 / 13, abs=1e-4)
    assert found.mcnemar_p == pytest.approx(22 / 1024, abs=1e-4)
    assert verdict(found).startswith('P1 is better than P0')


def test_the_json_of_a_comparison_keeps_its_names(tmp_path):
    with log_of(tmp_path / 'log', '11 01 10 01') as log:
        said = json.loads(json.dumps(compared(log, 4).as_json()))
    assert list(said) == ['task', 'where', 'policies', 'P0', 'P1', 'pairs', 'both', 'only_P0',
                          'only_P1', 'neither', 'difference', 'difference95', 'mcnemar_p',
                          'decided', 'pairs_to_decide', 'verdict']
    assert said['P1'] == {'success': 3, 'n': 4, 'wilson95': [0.3006, 0.9544], 'collisions': 0}
    assert [said[k] for k in ('pairs', 'both', 'only_P0', 'only_P1', 'neither')] == [4, 1, 1, 2, 0]
    assert said['policies'] == ['a', 'b'] and said['verdict'].startswith('Not decided')


@pytest.mark.parametrize(('outcomes', 'says'), [
    ('11 00 11', 'Cannot be decided: no difference was seen'),
    ('11 01 01 10 11 01', 'more pairs'),
    ('', 'No pair is complete'),
])
def test_what_is_undecided_is_said(tmp_path, outcomes, says):
    with log_of(tmp_path / 'log', outcomes) as log:
        assert says in verdict(compared(log, 10))


def test_compare_drives_both_from_each_seed_and_goes_on_where_it_was(
        tmp_path, clutter, constant, coin, drives, run):
    slow, fast = constant(clutter, 'slow', 0.1), constant(clutter, 'fast', 0.4)
    words = (slow, fast, '--task', 'clutter', '--env', coin, '--out', tmp_path / 'log', '--json')
    code, out, _ = run(compare, *words, '--episodes', 30)
    first = json.loads(out)
    assert (code, drives()) == (0, 60)
    assert first['P1']['success'] == 30, 'full speed always wins'
    assert first['P0']['success'] < 20 and first['only_P0'] == 0
    assert first['decided']
    code, out, err = run(compare, *words, '--episodes', 35)
    assert (code, drives()) == (0, 70)
    assert json.loads(out)['pairs'] == 35
    assert '30 pairs are in' in err
    code, out, _ = run(compare, *words, '--episodes', 30)
    assert json.loads(out) == first, 'the same trials say the same'


def test_a_policy_is_not_compared_with_itself(clutter, constant, coin, run):
    one = constant(clutter, 'one', 0.2)
    code, _, err = run(compare, one, one, '--task', 'clutter', '--env', coin)
    assert code == 2 and 'the same' in err


# -- what may be deployed


def test_a_first_policy_must_reach_the_floor_for_sure():
    assert judge_first(190, 200).allowed
    assert not judge_first(165, 200).allowed, '82 %, but 77 % is within its interval'
    assert not judge_first(5, 5).allowed, 'five trials show little'


def test_not_worse_is_allowed_and_not_shown_is_not():
    assert judge_against(PairCounts(190, 2, 2, 6)).allowed
    worse = judge_against(PairCounts(150, 30, 5, 15))
    assert not worse.allowed and 'More episodes will not change that' in worse.text
    few = judge_against(PairCounts(28, 1, 1, 0))
    assert not few.allowed and 'would show it' in few.text
    assert few.evidence.pairs_to_clear > 30


@pytest.fixture
def shop(tmp_path, clutter, constant, coin, run):
    """Return a function that promotes on the coin task into a folder of its own."""
    def call(*words):
        code, out, err = run(promote, *words, '--task', 'clutter', '--env', coin, '--episodes',
                             100, '--root', tmp_path / 'deployed', '--progress-json')
        *progress, said = map(json.loads, out.splitlines() or ['null'])
        assert all(each['progress']['total'] == 100 for each in progress)
        return code, said or err

    return call


@pytest.mark.long
def test_promotion_floor_comparison_and_rollback(tmp_path, clutter, constant, shop):
    poor, good = constant(clutter, 'poor', 0.2), constant(clutter, 'good', 0.37)
    better = constant(clutter, 'better', 0.39)
    store = Deployed(tmp_path / 'deployed', 'clutter')
    code, said = shop(poor)
    assert code == 1 and not said['promoted'] and said['wilson95'][0] < 0.8
    assert store.current() is None
    assert shop(good)[0] == 0
    first = store.current()
    assert load_checkpoint(first).hash == load_checkpoint(good).hash
    code, said = shop(poor)
    assert code == 1 and said['difference'] < -0.2 and store.current() == first
    code, said = shop(better)
    assert code == 0 and said['promoted'] and said['only_deployed'] == 0
    assert load_checkpoint(store.current()).hash == load_checkpoint(better).hash
    assert find_checkpoint('deployed', 'clutter', tmp_path / 'deployed') == str(store.current())
    assert shop('--rollback', '--because', 'it stutters')[0] == 0
    assert store.current() == first
    assert [(e['action'], e['checkpoint']) for e in store.history()] == [
        ('promote', first.name), ('promote', load_checkpoint(better).hash[:16]),
        ('rollback', first.name)]
    assert store.history()[-1]['because'] == 'it stutters'
    code, said = shop('--rollback')
    assert code == 2 and 'nothing to go back to' in said


def test_a_deployed_policy_outlives_its_training_folder(tmp_path, clutter, constant, shop):
    good = constant(clutter, 'good', 0.4)
    shop(good)
    (good / 'policy.onnx').write_bytes(b'trained on')
    load_checkpoint(Deployed(tmp_path / 'deployed', 'clutter').current(), clutter)


def test_another_margin_takes_a_reason(clutter, constant, shop):
    good = constant(clutter, 'good', 0.37)
    assert shop(good)[0] == 0
    wild = constant(clutter, 'wild', 0.34)
    code, said = shop(wild, '--margin', '0.3')
    assert code == 2 and '--because' in said
    assert shop(wild)[0] == 1
    code, said = shop(wild, '--margin', '0.3', '--because', 'a robot that must be slower')
    assert code == 0 and said['because'] == 'a robot that must be slower'


def test_a_step_that_a_crash_cut_off_is_not_rolled_back_to(tmp_path, clutter, constant, shop,
                                                           monkeypatch):
    store = Deployed(tmp_path / 'deployed', 'clutter')
    speeds = {'a': 0.37, 'b': 0.38, 'c': 0.4}
    made = [constant(clutter, name, speed) for name, speed in speeds.items()]
    assert shop(made[0])[0] == 0
    import ilw_learner.checkpoint.deployed as module

    class CrashError(Exception):
        pass

    def crash(*_):
        raise CrashError

    with monkeypatch.context() as power:
        power.setattr(module.os, 'replace', crash)
        with pytest.raises(CrashError):
            store.promote(load_checkpoint(made[1]), {})
    assert store.current().name == load_checkpoint(made[0]).hash[:16]
    store.promote(load_checkpoint(made[2]), {})
    assert store.rollback('').name == load_checkpoint(made[0]).hash[:16]


def test_nothing_deployed_says_what_to_do(tmp_path):
    with pytest.raises(CheckpointError, match='Promote a checkpoint first'):
        find_checkpoint('deployed', 'clutter', tmp_path)
    assert find_checkpoint('runs/x', 'clutter', tmp_path) == 'runs/x'
