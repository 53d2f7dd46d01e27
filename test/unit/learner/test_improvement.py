"""What drives is never much worse, is taken back when it falls, and nothing counts twice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.scores.paired import PairCounts
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.deployed import Deployed
from ilw_learner.checkpoint.folder import load_checkpoint, save_checkpoint
from ilw_learner.improvement.decisions import decision_log, read_decisions
from ilw_learner.improvement.improvement import FallenError, Improvement, ImproveOptions
from ilw_learner.improvement.stages import RealEpisode

CLUTTER = load_contract(config_file('tasks', 'clutter'))


class Killed(BaseException):
    """Stands for the end of the process."""


class Simulated:
    """
    Robot, training and comparison by chance.

    :param gains: of each round's candidate: true success beside that of what was deployed.
    :param real: what a policy's success is in real episodes, given its success in comparisons.
    """

    def __init__(self, folder, gains, seed=0, real=lambda name, ratio: ratio):
        self.folder, self.gains, self.real = folder, gains, real
        self.rng = np.random.default_rng(seed)
        self.store = Deployed(folder / 'deployed', 'clutter')
        self.true, self.driven, self.learned_from = {}, {}, []
        self.kill_at, self.driving, self.teaching = set(), False, True
        self.begin = self.make('first', 0.8)
        self.store.promote(self.begin, {})

    def make(self, name, ratio):
        path = self.folder / 'made' / name
        found = load_checkpoint(path) if path.exists() else save_checkpoint(path, CLUTTER, {
            'algorithm': 'bc', 'history': 1, 'horizon': 1, 'provenance': {'name': name}},
            {'policy.onnx': b'x', 'weights.safetensors': b'x'})
        self.true[found.hash[:16]] = ratio
        return found

    def step(self, where):
        if where in self.kill_at:
            self.kill_at.remove(where)
            raise Killed

    def drive(self, number, checkpoint, enough):
        self.driving = True
        episodes = self.driven.setdefault(number, [])
        ratio = self.real(checkpoint.name, self.true[checkpoint.name])
        while True:
            success = bool(self.rng.random() < ratio)
            episodes.append(RealEpisode(f'{number}-{len(episodes)}', checkpoint.name, success,
                                        int(not success), not success, 'goal'))
            self.step(f'drive {number}-{len(episodes)}')
            if enough():
                break
        assert self.store.current() == checkpoint, 'what drives changed while it drove'
        self.driving = False

    def episodes(self, number, known):
        return [each for each in self.driven.get(number, []) if each.episode not in known]

    def teaches(self, number):
        return self.teaching

    def learn(self, number, begin, before):
        assert not self.driving
        self.learned_from.append((begin.name, list(before)))
        self.step(f'learn {number}')
        ratio = min(0.98, max(0.0, self.true[begin.name] + self.gains[number - 1]))
        return self.make(f'round-{number}', ratio).path

    def compare(self, number, deployed, candidate):
        assert not self.driving
        self.step(f'compare {number}')
        rng = np.random.default_rng(1000 + number)
        hard = rng.random(200)  # the same starts: what is hard is hard for both
        one, other = (np.where(rng.random(200) < 0.8, hard, rng.random(200))
                      < self.true[load_checkpoint(path).hash[:16]]
                      for path in (deployed, candidate))
        return PairCounts(int((one & other).sum()), int((one & ~other).sum()),
                          int((~one & other).sum()), int((~one & ~other).sum()))


def improve(stages, rounds, store=None, **changes):
    options = replace(ImproveOptions(header={'task': 'clutter'}, rounds=rounds), **changes)
    with decision_log(stages.folder / 'run' / 'decisions.jsonl') as log:
        return Improvement(options, stages, log, store or stages.store).run()


def said(stages, *kinds):
    found = read_decisions(stages.folder / 'run' / 'decisions.jsonl')
    return [each for each in found if each.what in kinds]


@pytest.mark.long
def test_twenty_rounds_some_spoilt_promote_nothing_that_is_much_worse(tmp_path):
    rng = np.random.default_rng(3)
    gains = [float(rng.choice([-0.4, -0.2, -0.1])) if k % 3 == 1 else 0.03 for k in range(20)]
    stages = Simulated(tmp_path, gains)
    improve(stages, 20)
    promoted = said(stages, 'promote')
    assert len(promoted) >= 5, 'good ones are promoted'
    assert len(said(stages, 'promote', 'refuse')) == 20
    for each in promoted:
        assert stages.true[each.facts['policy']] >= stages.true[each.facts['before']] - 0.05
    assert all(each.facts['round'] % 3 != 2 for each in promoted)


def test_nothing_is_learned_any_more_from_a_round_whose_policy_was_shown_to_be_worse(tmp_path):
    stages = Simulated(tmp_path, [0.03, -0.4, 0.03, 0.03])
    improve(stages, 4)
    assert [before for _, before in stages.learned_from] == [[], [1], [1], [1, 3]]


def falls(stages, ratio=0.3):
    """Have every policy but the first do worse on the robot than in comparisons."""
    stages.real = lambda which, true: true if which == stages.begin.hash[:16] else ratio


def test_a_policy_that_falls_on_the_robot_is_taken_back_between_episodes(tmp_path):
    stages = Simulated(tmp_path, [0.1, 0.0])
    falls(stages)
    standing = improve(stages, 1)
    back, = said(stages, 'rollback')
    assert stages.store.current().name == stages.begin.hash[:16] == standing.policy
    assert back.facts['n'] <= 30
    assert standing.set_aside == {1}
    assert 'Back to' in back.text and 'succeeded without help' in back.text
    assert stages.store.history()[-1]['action'] == 'rollback'


def test_where_the_policy_before_falls_too_it_stops_and_asks_for_a_person(tmp_path):
    stages = Simulated(tmp_path, [0.1, 0.0])
    broken = []
    stages.real = lambda which, true: 0.1 if broken or (which != stages.begin.hash[:16] and (
        broken.append(1) is None)) else true
    with pytest.raises(FallenError, match='nothing to go back to'):
        improve(stages, 5)
    assert [each.what for each in said(stages, 'rollback', 'stop', 'promote')] == [
        'promote', 'rollback', 'stop']
    broken.clear()
    stages.real = lambda which, true: true
    improve(stages, 2)  # somebody has looked after it
    assert said(stages, 'promote', 'refuse')[-1].facts['round'] == 2


@pytest.mark.parametrize('where', ['drive 1-7', 'drive 2-1', 'drive 2-3', 'learn 1', 'learn 2',
                                   'compare 1', 'compare 2'])
def test_killed_anywhere_it_goes_on_and_counts_nothing_twice(tmp_path, where):
    stages = Simulated(tmp_path, [0.03, 0.03])
    stages.kill_at = {where}
    with pytest.raises(Killed):
        improve(stages, 2)
    standing = improve(stages, 2)
    episodes = [each.facts['episode'] for each in said(stages, 'episode')]
    assert len(episodes) == len(set(episodes)) == sum(map(len, stages.driven.values()))
    assert len(said(stages, 'promote', 'refuse')) == 2
    assert len(stages.driven[1]) == len(stages.driven[2]) == 20
    assert standing.round == 3


class Torn(Deployed):
    """Ends the process right after a step of the deployed policy, before it is written down."""

    at = ''

    def promote(self, *words):
        place = super().promote(*words)
        if self.at == 'promote':
            raise Killed
        return place

    def rollback(self, *words):
        place = super().rollback(*words)
        if self.at == 'rollback':
            raise Killed
        return place


@pytest.mark.parametrize('at', ['promote', 'rollback'])
def test_killed_between_a_step_and_its_line_the_step_is_done_once(tmp_path, at):
    stages = Simulated(tmp_path, [0.1, 0.0])
    if at == 'rollback':
        falls(stages)
    torn = Torn(tmp_path / 'deployed', 'clutter')
    torn.at = at
    with pytest.raises(Killed):
        improve(stages, 1, torn)
    improve(stages, 1)
    assert len(said(stages, 'promote')) == 1
    assert len(said(stages, 'rollback')) == (at == 'rollback')
    assert not said(stages, 'changed')
    assert [e['action'] for e in stages.store.history()] == [
        'promote', 'promote', *['rollback'] * (at == 'rollback')]


def test_a_policy_that_somebody_else_deployed_is_taken_note_of_and_not_taken_back(tmp_path):
    stages = Simulated(tmp_path, [0.1, 0.0])
    improve(stages, 1)
    stages.store.promote(stages.make('by hand', 0.7), {})
    standing = improve(stages, 2)
    changed, = said(stages, 'changed')
    assert 'Somebody' in changed.text
    assert stages.learned_from[-1][0] == changed.facts['policy']
    assert standing.counted


def test_a_button_ends_a_round_early_but_not_before_its_policy_is_known(tmp_path):
    stages = Simulated(tmp_path, [0.03])
    improve(stages, 1, asked=lambda: True)
    assert len(stages.driven[1]) == 10


def test_a_round_that_taught_nothing_is_skipped_and_said(tmp_path):
    stages = Simulated(tmp_path, [0.03])
    stages.teaching = False
    improve(stages, 1)
    assert 'nothing to learn' in said(stages, 'skip')[0].text
    assert stages.learned_from == []


def test_a_person_alone_and_what_nobody_judged_do_not_count(tmp_path):
    stages = Simulated(tmp_path, [0.03])
    stages.driven[1] = [RealEpisode('alone', '', True, 0, True, 'goal'),
                        RealEpisode('unjudged', stages.begin.hash[:16], None, 0, False)]
    standing = improve(stages, 1)
    assert len(stages.driven[1]) == 22
    assert {'alone', 'unjudged'} <= standing.counted


def test_another_improvement_in_the_same_folder_is_refused(tmp_path):
    stages = Simulated(tmp_path, [0.03])
    improve(stages, 1)
    with pytest.raises(IlwError, match='another task'):
        improve(stages, 1, header={'task': 'maze'})


def test_a_log_is_written_by_one_at_a_time_and_read_by_its_lines(tmp_path):
    path = Path(tmp_path / 'run' / 'decisions.jsonl')
    with decision_log(path) as log:
        log.add('begin', 'Begun.', {'policy': 'a'})
        with pytest.raises(IlwError, match='in use'), decision_log(path):
            pass
    with path.open('a') as stream:
        stream.write('{"time": "half a li')
    with decision_log(path) as log:
        assert [each.text for each in log.decisions] == ['Begun.']
    path.write_text('{"what": "nonsense", "time": "", "text": ""}\n')
    with pytest.raises(IlwError, match='must hold the decisions'):
        read_decisions(path)
