"""./ilw improve: driven, learned, promoted, taken back and logged; what cannot be says so."""

from contextlib import contextmanager
from dataclasses import replace
import json

from click.testing import CliRunner
import pytest

from ilw_bringup.cli import ilw
from ilw_bringup.correct.attempts import Attempts
from ilw_bringup.correct.lessons import Lessons
from ilw_core.contract.file import load_contract
from ilw_core.episode import Source
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.scores.paired import PairCounts
from ilw_core.storage.episode_folder import SCHEMA
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.deployed import Deployed
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.correction.attempt import CorrectedAttempt
from ilw_learner.improvement.decisions import decision_log

CLUTTER = load_contract(config_file('tasks', 'clutter'))
BETTER, WORSE = PairCounts(60, 0, 40, 0), PairCounts(40, 40, 0, 20)


def put(place, episode):
    place.mkdir(parents=True)
    (place / 'bag_0.mcap').write_bytes(b'')
    (place / 'episode.json').write_text(json.dumps(
        {'schema': SCHEMA, 'episode': episode, 'outcome': 'success', 'stop_reason': 'goal'}))


def make(folder, name):
    return save_checkpoint(folder, CLUTTER, {
        'algorithm': 'bc', 'history': 1, 'horizon': 1, 'provenance': {'name': name}},
        {'policy.onnx': b'x', 'weights.safetensors': b'x'})


class Nodes:
    """Stands for the nodes, the training and the simulator; episodes are files, as ever."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.counts, self.dies_at = folder, BETTER, -1
        self.worlds, self.learned, self.compared = [], [], []
        self.falls, self.falls_once_learned = set(), set()
        self.unreadable, self.person_steps = set(), 20
        self.begin = make(folder / 'begin', 'begin')
        self.store = Deployed(folder / 'deployed', 'clutter')
        self.store.promote(self.begin, {})
        put(folder / 'demos' / 'one', 'one')
        monkeypatch.setattr(Attempts, '_running', self.running)
        monkeypatch.setattr(Attempts, 'read', self.read)
        monkeypatch.setattr(Lessons, 'learn', self.learn)
        monkeypatch.setattr(Lessons, 'compare', self.compare)

    @property
    def running(self):
        nodes = self

        @contextmanager
        def running(attempts):
            class Session:
                def arm(self, armed):
                    assert armed

                def wait_for_driver(self, source, seed):
                    assert source is Source.POLICY

                def drive(self, seed, *, record, operator, episode):
                    if len(nodes.worlds) == nodes.dies_at:
                        nodes.dies_at = -1
                        raise KeyboardInterrupt
                    nodes.worlds.append(seed)
                    put(attempts.episodes / f'2026-{len(nodes.worlds):03d}', episode)

            yield Session(), None
        return running

    @property
    def read(self):
        def read(attempts, episode):
            if episode.path.name in self.unreadable:
                raise EpisodeError(f'{episode.path} must say who drove.')
            policy = episode.path.parents[2].name
            helped = policy in self.falls or episode.path.name == '2026-001'
            return CorrectedAttempt(
                episode.path.name, True, 'goal', 100, self.person_steps * helped, 2.0,
                int(helped), 0.1, 0.2, ())
        return read

    @property
    def learn(self):
        def learn(lessons, number, out, demos, before, begin, what):
            self.falls |= self.falls_once_learned
            self.learned.append((number, begin.name, [each.parent.name for each in before]))
            return make(out, f'learned {number}').path
        return learn

    @property
    def compare(self):
        def compare(lessons, number, file, before, after, what, known=None):
            self.compared.append(number)
            counts = self.counts
            return type('Log', (), {'counts': lambda *_: counts})()
        return compare

    def improve(self, *words):
        return CliRunner().invoke(ilw, [
            'improve', '--task', 'clutter', '--root', str(self.folder / 'deployed'), '--demos',
            str(self.folder / 'demos'), '--out', str(self.folder / 'run'), '--scripted', '--every',
            '4', '--rounds', '1', *words])

    def decisions(self):
        shown = self.improve('--show', '--json')
        return json.loads(shown.stdout)['decisions']

    def kinds(self):
        return [each['what'] for each in self.decisions() if each['what'] != 'episode']


@pytest.fixture
def nodes(tmp_path, monkeypatch):
    return Nodes(tmp_path, monkeypatch)


def test_a_better_policy_is_deployed_and_watched_and_the_log_says_so(nodes):
    done = nodes.improve('--json')
    assert done.exit_code == 0, done.exception
    report = json.loads(done.stdout)
    assert nodes.learned == [(1, nodes.begin.hash[:16], [nodes.folder.name])]
    assert nodes.store.current().name == report['policy'] != nodes.begin.hash[:16]
    assert nodes.kinds() == ['begin', 'promote']
    assert report['decisions'] == nodes.decisions()
    driven = [each['policy'] for each in report['decisions'] if each['what'] == 'episode']
    assert driven == 10 * [nodes.begin.hash[:16]] + 10 * [report['policy']]
    assert len(set(nodes.worlds)) == 20, 'each round has worlds of its own'
    lines = nodes.improve('--show').stdout.splitlines()
    assert len(lines) == 22 and 'is deployed' in lines[11]


def test_a_worse_policy_is_refused_and_the_old_one_drives_on(nodes):
    nodes.counts = WORSE
    done = nodes.improve()
    assert nodes.kinds() == ['begin', 'refuse']
    assert done.stdout.startswith(f'deployed: {nodes.folder}/deployed/clutter/'
                                  f'{nodes.begin.hash[:16]}\n')


def test_a_policy_that_needs_help_all_the_time_is_taken_back(nodes):
    nodes.falls = {make(nodes.folder / 'same', 'learned 1').hash[:16]}
    nodes.improve()
    assert nodes.kinds() == ['begin', 'promote', 'rollback']
    assert nodes.store.current().name == nodes.begin.hash[:16]


def test_where_the_policy_before_falls_too_the_exit_code_is_1_and_a_person_is_asked_for(nodes):
    nodes.falls_once_learned = {make(nodes.folder / 'same', 'learned 1').hash[:16],
                                nodes.begin.hash[:16]}
    done = nodes.improve('--every', '30')
    assert nodes.kinds() == ['begin', 'promote', 'rollback', 'stop']
    assert done.exit_code == 1
    assert 'Look after the robot' in done.stderr
    nodes.falls.clear()
    assert nodes.improve().exit_code == 0, 'somebody has looked after it'


@pytest.mark.parametrize('at', [0, 3, 9, 10, 12])
def test_after_ctrl_c_the_same_command_goes_on_and_no_episode_counts_twice(nodes, at):
    nodes.dies_at = at
    assert nodes.improve().exit_code != 0
    assert nodes.improve().exit_code == 0
    assert len(nodes.worlds) == len(set(nodes.worlds)) == 20
    episodes = [each['episode'] for each in nodes.decisions() if each['what'] == 'episode']
    assert len(episodes) == len(set(episodes)) == 20
    assert nodes.kinds() == ['begin', 'promote']
    assert len(nodes.learned) == 1


def test_what_nobody_took_over_in_is_not_learned(nodes):
    nodes.person_steps = 0
    nodes.improve()
    assert nodes.kinds() == ['begin', 'skip']
    assert not nodes.learned


def test_an_episode_that_does_not_say_who_drove_does_not_count(nodes):
    nodes.unreadable = {'2026-002'}
    done = nodes.improve()
    assert 'does not count' in done.stderr and 'must say who drove' in done.stderr
    assert sum(each.get('success') is None for each in nodes.decisions()
               if each['what'] == 'episode') == 1
    assert len(nodes.worlds) == 21


def refusal(done):
    assert isinstance(done.exception, IlwError), done.output  # exit code 2, see cli.py
    assert '\n' not in str(done.exception)
    return str(done.exception)


def test_what_it_cannot_do_is_said_in_a_line_before_anybody_drives(nodes, monkeypatch):
    assert 'a robot has none' in refusal(nodes.improve('--robot', 'real'))
    assert 'Nothing is deployed' in refusal(nodes.improve('--root', str(nodes.folder / 'none')))
    assert 'holds no improvement' in refusal(nodes.improve('--show'))
    with decision_log(nodes.folder / 'run' / 'decisions.jsonl'):
        assert 'in use by another ./ilw improve' in refusal(nodes.improve())
    assert not nodes.worlds


def test_a_task_without_a_simulator_is_refused(nodes, monkeypatch):
    monkeypatch.setattr('ilw_learner.checkpoint.contract.named_contract',
                        lambda name: replace(CLUTTER, scene={}))
    assert 'no scene' in refusal(nodes.improve())
    assert not nodes.worlds


def test_another_seed_in_the_same_folder_is_another_improvement(nodes):
    nodes.improve()
    assert 'another seed' in refusal(nodes.improve('--seed', '1'))
