"""A round that was interrupted goes on where it was, and what cannot be corrected says so."""

from contextlib import contextmanager
from dataclasses import replace
import json
from pathlib import Path
from types import SimpleNamespace

from click.testing import CliRunner
import numpy as np
import pytest

from ilw_bringup.commands.correct import correct
from ilw_bringup.correct import lessons
from ilw_bringup.correct.attempts import Attempts
from ilw_bringup.correct.lessons import CorrectOptions, Lessons
from ilw_bringup.correct.rounds import Rounds
from ilw_bringup.session import DiscardedError, LoopError
from ilw_core import world_seeds
from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.scores.paired import PairCounts
from ilw_core.storage.episode_folder import SCHEMA
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.checkpoint.promotion import judge_against
from ilw_learner.correction.attempt import CorrectedAttempt

CLUTTER = load_contract(config_file('tasks', 'clutter'))


def put(place, episode, what=None):
    place.mkdir(parents=True)
    (place / 'bag_0.mcap').write_bytes(b'')
    (place / 'episode.json').write_text(json.dumps(
        {'schema': SCHEMA, 'episode': episode, 'outcome': 'unknown' if what else 'success',
         'stop_reason': what or 'goal'}))


class Robot:
    """Stands for session and nodes: each drive leaves an episode, unless something happens."""

    def __init__(self, folder, happens=()):
        self.folder, self.happens, self.driven = folder, list(happens), []

    def drive(self, seed, *, record, operator, episode):
        self.driven.append(seed)
        what = self.happens.pop(0) if self.happens else None
        if isinstance(what, Exception | KeyboardInterrupt):
            raise what
        put(self.folder / 'episodes' / 'clutter' / f'2026-{episode[:8]}', episode, what)

    def arm(self, armed):
        assert armed

    def keep_what_there_is(self):
        """Close what a fault cut short."""


def attempts(folder, monkeypatch, robot):
    made = Attempts(folder, CLUTTER, folder / 'checkpoint', {}, scripted=False, seed=0,
                    say=lambda text: None)

    @contextmanager
    def running():
        yield robot, None

    monkeypatch.setattr(made, '_running', running)
    return made


def test_attempts_that_are_recorded_are_not_driven_again(tmp_path, monkeypatch):
    first = Robot(tmp_path, [None, None, KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        attempts(tmp_path, monkeypatch, first).drive(range(70, 75), lambda done: None)
    second, seen = Robot(tmp_path), []
    again = attempts(tmp_path, monkeypatch, second)
    again.drive(range(70, 75), seen.append)
    assert first.driven == [70, 71, 72]
    assert second.driven == [72, 73, 74]
    assert seen == [3, 4, 5]
    assert sorted(again.done()) == [0, 1, 2, 3, 4]
    third = Robot(tmp_path)
    attempts(tmp_path, monkeypatch, third).drive(range(70, 75), seen.append)
    assert third.driven == []


def test_what_was_thrown_away_or_lost_is_driven_again_in_the_same_world(tmp_path, monkeypatch):
    robot = Robot(tmp_path, [DiscardedError('gone'), LoopError('no answer'), None])
    attempts(tmp_path, monkeypatch, robot).drive(range(70, 72), lambda done: None)
    assert robot.driven == [70, 70, 70, 71]


def test_an_attempt_that_was_cut_short_is_kept_but_does_not_count(tmp_path, monkeypatch):
    robot = Robot(tmp_path, [None, 'fault', None])
    cut = attempts(tmp_path, monkeypatch, robot)
    cut.drive(range(70, 72), lambda done: None)
    assert robot.driven == [70, 71, 71]
    assert len(list(cut.episodes.iterdir())) == 3
    assert {each.stop_reason for each in cut.done().values()} == {'goal'}


def test_a_fault_that_stays_ends_it(tmp_path, monkeypatch):
    robot = Robot(tmp_path, [LoopError('no answer')] * 9)
    with pytest.raises(LoopError):
        attempts(tmp_path, monkeypatch, robot).drive(range(70, 72), lambda done: None)
    assert robot.driven == [70] * 5


def test_driving_ends_when_it_is_enough(tmp_path, monkeypatch):
    robot = Robot(tmp_path)
    attempts(tmp_path, monkeypatch, robot).drive(range(70, 79), lambda done: None,
                                                 enough=lambda done: len(done) >= 2)
    assert robot.driven == [70, 71]


# -- rounds

@pytest.mark.parametrize('words, told', [
    (['--gate', 'robot', '--budget', '0'], '--budget'),
    (['--gate', 'robot', '--budget', '2'], '--budget'),
    (['--gate', 'nonsense'], '--gate'),
    (['--budget', '0.1'], 'Add --gate robot')])
def test_a_gate_or_budget_that_is_none_is_wrong_use(words, told):
    done = CliRunner().invoke(correct, ['runs/none/checkpoint', *words])
    assert done.exit_code == 2
    assert told in done.output.replace('\n', ' ')


def test_a_policy_of_which_there_is_no_ensemble_has_no_gate(tmp_path):
    made = options(tmp_path, 'dqn').checkpoint
    done = CliRunner().invoke(correct, [str(made), '--gate', 'robot'])
    assert isinstance(done.exception, IlwError)
    assert 'no ensemble' in str(done.exception)
    assert '\n' not in str(done.exception)


def test_rounds_with_and_without_a_gate_do_not_mix(tmp_path, monkeypatch):
    Stages(monkeypatch)
    monkeypatch.setattr(Lessons, 'gate', lambda *_: None)
    Rounds(options(tmp_path)).run()
    with pytest.raises(IlwError, match='another gate'):
        Rounds(replace(options(tmp_path), budget=0.1))
    asking = replace(options(tmp_path), budget=0.1, out=tmp_path / 'asking')
    assert Rounds(asking).run()[0].budget == 0.1
    with pytest.raises(IlwError, match='another budget'):
        Rounds(replace(asking, budget=0.2))
    with pytest.raises(IlwError, match='another gate'):
        Rounds(replace(asking, budget=None))


def options(tmp_path, algorithm='bc', contract=CLUTTER, **changes):
    checkpoint = save_checkpoint(tmp_path / 'begin', contract, {
        'algorithm': algorithm, 'history': 1, 'horizon': 1, 'provenance': {}}, {
        'policy.onnx': b'x', 'weights.safetensors': b'x'})
    if not (tmp_path / 'demos').exists():
        put(tmp_path / 'demos' / 'one', 'one')
    made = CorrectOptions(
        contract=contract, task='clutter', checkpoint=checkpoint.path, demos=tmp_path / 'demos',
        out=tmp_path / 'run', algorithm='bc', config=BcConfig(), rounds=2, attempts=2, episodes=4)
    return replace(made, **changes)


class Stages:
    """Stands for driving, learning and comparing; counts how often each is asked."""

    def __init__(self, monkeypatch, *, takeovers=1, better=True):
        self.begun, self.fails = [], False
        attempt = CorrectedAttempt('one', True, 'goal', 100, 20 * takeovers, 2.0, takeovers, 0.1,
                                   0.2, ())
        counts = PairCounts(10, 0, 90, 0) if better else PairCounts(50, 40, 0, 10)
        monkeypatch.setattr(Attempts, 'drive', lambda *_, **__: None)
        monkeypatch.setattr(Rounds, '_read', lambda *_: [attempt, attempt])
        monkeypatch.setattr(Lessons, 'learn', self.learn)
        monkeypatch.setattr(Lessons, 'compare', lambda *_, **__: type(
            'Log', (), {'counts': lambda *_: counts})())

    def learn(self, number, out, demos, before, begin, what):
        if self.fails:
            raise KeyboardInterrupt
        self.begun.append((str(begin), [each.parent.parent.name for each in before]))
        return Path(f'learned-{len(self.begun)}')


def test_the_next_round_goes_on_with_what_was_promoted_and_all_episodes_before(
        tmp_path, monkeypatch):
    stages = Stages(monkeypatch)
    found = Rounds(options(tmp_path)).run()
    first = str(tmp_path / 'begin')
    assert [begin for begin, _ in stages.begun] == [first, 'learned-1']
    assert stages.begun[1][1][1:] == ['corrections']
    assert [each.promoted for each in found] == [True, True]
    assert found[-1].checkpoint == 'learned-2'
    assert found[0].corrections.points_per_minute == pytest.approx(90 / (4.0 / 60), rel=1e-2)


def test_corrections_of_earlier_rounds_are_learned_like_those_of_this_one(tmp_path, monkeypatch):
    given = []

    def train(options, on_progress):
        given.append(options)
        return SimpleNamespace(checkpoint='learned')

    monkeypatch.setattr(lessons, 'train', train)
    made = options(tmp_path)
    first, second = tmp_path / 'first', tmp_path / 'second'
    Lessons(made).learn(2, tmp_path / 'training', second, [made.demos, first], made.checkpoint,
                        'training')
    assert (given[0].demos, *given[0].more_demos) == (second, first)
    assert [each.folder for each in given[0].old_demos] == [made.demos]


def test_what_is_worse_is_not_promoted_and_the_policy_before_goes_on(tmp_path, monkeypatch):
    stages, first = Stages(monkeypatch, better=False), str(tmp_path / 'begin')
    found = Rounds(options(tmp_path)).run()
    assert [each.promoted for each in found] == [False, False]
    assert found[-1].checkpoint == first
    assert [begin for begin, _ in stages.begun] == [first, first]


def test_what_is_neither_shown_worse_nor_as_good_drives_the_next_round_unpromoted(
        tmp_path, monkeypatch):
    """Else round after round watches the errors of a policy that learns no more."""
    stages, first = Stages(monkeypatch), str(tmp_path / 'begin')
    compared = []

    def compare(self, number, file, before, after, what, known=None):
        compared.append((str(before), str(after)))
        counts = PairCounts(62, 10, 10, 18) if number == 1 else PairCounts(62, 6, 20, 12)
        return SimpleNamespace(counts=lambda *_: counts)

    monkeypatch.setattr(Lessons, 'compare', compare)
    found = Rounds(options(tmp_path)).run()
    assert [each.promoted for each in found] == [False, True]
    assert [each.begun_with for each in found] == [first, 'learned-1']
    assert [begin for begin, _ in stages.begun] == [first, 'learned-1']
    assert compared == [(first, 'learned-1'), (first, 'learned-2')], 'with the promoted one'
    assert (found[0].checkpoint, found[1].checkpoint) == (first, 'learned-2')
    assert Rounds(options(tmp_path, rounds=3)).run()[2].begun_with == 'learned-2'


def test_a_finished_round_is_read_and_not_done_again(tmp_path, monkeypatch):
    stages = Stages(monkeypatch)
    stages_of_first = Rounds(options(tmp_path, rounds=1)).run()
    again = Rounds(options(tmp_path)).run()
    assert len(stages.begun) == 2, 'one training for each of two rounds'
    assert again[0] == stages_of_first[0]
    assert (tmp_path / 'run' / 'round-2' / 'round.html').is_file()


def test_rounds_with_other_values_are_not_mixed(tmp_path, monkeypatch):
    Stages(monkeypatch)
    Rounds(options(tmp_path)).run()
    with pytest.raises(IlwError, match=r'another attempts \(2, not 9\).*--out'):
        Rounds(options(tmp_path, attempts=9))


def test_each_round_is_compared_from_starts_of_its_own_and_goes_on_from_the_same(
        tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(lessons, 'PolicyRunner', lambda *_: SimpleNamespace(name='one'))
    monkeypatch.setattr(lessons, 'make_env', lambda *_: None)
    monkeypatch.setattr(lessons, 'drive_pairs',
                        lambda env, contract, runners, pairs, seed, *_: seeds.append(seed))
    kept = Lessons.compare
    Stages(monkeypatch)
    counts = PairCounts(10, 0, 90, 0)

    def compare(self, number, file, *words):
        file.parent.mkdir(parents=True, exist_ok=True)
        log = kept(self, number, file, *words)
        log.counts = lambda *_: counts
        return log

    monkeypatch.setattr(Lessons, 'compare', compare)
    Rounds(options(tmp_path, rounds=3, episodes=50, seed=2)).run()
    begin = 2 * world_seeds.PER_RUN + world_seeds.SCORE
    assert seeds == [begin + 50, begin + 100, begin + 150], 'the first 50 are left for a judgement'
    (tmp_path / 'run' / 'round-3' / 'round.json').unlink()
    Rounds(options(tmp_path, rounds=3, episodes=50, seed=2)).run()
    assert seeds[3:] == [begin + 150]


def test_more_starts_than_a_run_has_are_refused(tmp_path):
    with pytest.raises(IlwError, match=r'a run has 400000: --rounds 4 with --episodes 90000'):
        Rounds(options(tmp_path, rounds=4, episodes=90_000))


@pytest.mark.parametrize('draw', range(5))
def test_of_twenty_rounds_with_spoilt_ones_none_that_is_much_worse_is_promoted(
        tmp_path, monkeypatch, draw):
    rng = np.random.default_rng(draw)
    Stages(monkeypatch)
    changes = {0: 0.0}
    success = [0.7]

    def compare(self, number, *words):
        changes[number] = float(rng.choice([0.08, 0.0, -0.08, -0.15, -0.3]))
        hard = rng.uniform(size=self._options.episodes)  # the same start is as hard for both
        before, after = (hard + rng.normal(0.0, 0.1, hard.shape) < rate
                         for rate in (success[-1], success[-1] + changes[number]))
        counts = PairCounts(both=int((before & after).sum()),
                            only_first=int((before & ~after).sum()),
                            only_second=int((~before & after).sum()),
                            neither=int((~before & ~after).sum()))
        if judge_against(counts).allowed:
            success.append(min(0.95, success[-1] + changes[number]))
        return SimpleNamespace(counts=lambda *_: counts)

    monkeypatch.setattr(Lessons, 'compare', compare)
    found = Rounds(options(tmp_path, rounds=20, episodes=100)).run()
    assert sum(changes[each.number] < -0.05 for each in found) >= 5, 'some are spoilt'
    assert not [each.number for each in found
                if each.promoted and changes[each.number] < -0.05]
    assert any(each.promoted for each in found), 'not everything is refused'


def test_what_was_driven_in_attempts_that_failed_is_enough_to_learn_from(tmp_path, monkeypatch):
    stages = Stages(monkeypatch)
    failed = CorrectedAttempt('one', False, 'collision', 100, 20, 2.0, 1, 0.1, 0.2, ())
    monkeypatch.setattr(Rounds, '_read', lambda *_: [failed])
    Rounds(options(tmp_path, rounds=1)).run()
    assert stages.begun
    with pytest.raises(IlwError, match='nothing to learn'):
        Rounds(options(tmp_path, rounds=1, labels='all', out=tmp_path / 'other')).run()


def test_a_round_without_a_correction_says_what_to_do(tmp_path, monkeypatch):
    Stages(monkeypatch, takeovers=0)
    with pytest.raises(IlwError, match=r'nobody took over.*--attempts'):
        Rounds(options(tmp_path)).run()


def test_a_checkpoint_of_another_family_is_refused_before_anybody_drives(tmp_path):
    with pytest.raises(IlwError, match=r'trained by dqn.*--algo bc'):
        Rounds(options(tmp_path, algorithm='dqn'))


def test_a_task_without_a_simulator_says_how_it_is_done_on_a_robot(tmp_path):
    real = replace(CLUTTER, scene={})
    with pytest.raises(IlwError, match=r'no scene.*./ilw up correct --robot real'):
        Rounds(options(tmp_path, contract=real))


def test_demonstrations_that_are_not_there_are_missed_before_anybody_drives(tmp_path):
    with pytest.raises(IlwError, match='elsewhere must be a folder of episodes'):
        Rounds(options(tmp_path, demos=tmp_path / 'elsewhere'))
