"""What every algorithm of ALGORITHMS must do, and one that is a file of one's own."""

import copy
from dataclasses import replace
import json
from pathlib import Path
import random
import re
import shutil

import gymnasium
import identity_task
import numpy as np
import onnxruntime as ort
import pytest
from safetensors.numpy import load_file
import torch

from ilw_core.align import Observation
from ilw_core.base.plant import load_plant
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import load_episode
from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.algorithms.from_file import algorithm_in
from ilw_learner.algorithms.q_learning.q_values import Dqn
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.cli import evaluate, train
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.progress import CancelledError
from ilw_learner.training.train import train as train_as_asked

PAGE = Path(__file__).resolve().parents[2] / 'docs/how-to/add_an_algorithm.md'
FROM_REWARD = {'steps': 4096, 'robots': 64, 'warm_up': 512, 'candidates': 4, 'batch': 64,
               'hidden': 32}
CHUNKS = {'updates': 300, 'candidates': 4, 'batch': 32, 'horizon': 2, 'execute': 1, 'width': 32,
          'heads': 2, 'encoder_layers': 0, 'decoder_layers': 1, 'hidden': 128, 'average': 0.98,
          'noise': 0.0, 'learning_rate': 0.006}
MORE_CHUNKS = {'updates': 1000}
MORE_FLOW = {'updates': 2500, 'hidden': 256}
SHORT = {
    'bc': {'updates': 600, 'candidates': 4, 'hidden': 64}, 'dqn': FROM_REWARD,
    'dqfd': {**FROM_REWARD, 'pretrain': 300},
    'act': CHUNKS, 'flow': CHUNKS,
    'qtable': {'updates': 20_000, 'candidates': 4, 'bins': (8, 8, 4)}}
"""Values for a training of seconds; those of a new algorithm are its defaults"""
LONGER = {'act': MORE_CHUNKS, 'flow': MORE_FLOW,
          'dqn': {'steps': 65_536, 'batch': 256, 'learning_rate': 0.002},
          'dqfd': {'steps': 65_536, 'batch': 256, 'learning_rate': 0.002}}
"""To solve a task, not only to take some steps"""
OBEDIENT = {'act': MORE_CHUNKS, 'flow': MORE_FLOW,
            'dqfd': {'margin': 0.8, 'margin_ratio': 1.0, 'demo_ratio': 0.5, 'pretrain': 1000}}
"""To do what was shown where nothing else is known"""


def learning(names):
    """Return algorithms to let learn a task; flow takes most of a minute: a slow test."""
    return [pytest.param(name, marks=pytest.mark.slow) if name == 'flow' else name
            for name in names]


@pytest.fixture
def demos(bags, tmp_path):
    """Return a folder of demonstrations that all drive ahead."""
    (tmp_path / 'demos').mkdir()
    for number in range(4):
        bags.write(tmp_path / 'demos' / f'{number}', ticks=40,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
    return tmp_path / 'demos'


@pytest.fixture
def identity(monkeypatch, maze, bags, tmp_path):
    """Put the identity task where the simulator is found; return demonstrations of it."""
    monkeypatch.setattr('ilw_sim.batch.batch_env.make_batch', identity_task.make_batch)
    monkeypatch.setattr('ilw_sim.batch.binned_model.make_model', identity_task.make_model)
    for number in range(6):
        at = identity_task.places(maze, 100, seed=number)
        identity_task.show(bags, tmp_path / 'shown' / f'{number}',
                           identity_task.right_choice(at[:, 0], maze), at)
    return tmp_path / 'shown'


@pytest.fixture
def exported(monkeypatch):
    """Return the networks that were exported so far, by the bytes of their graphs."""
    found, export = {}, torch.onnx.export

    def remember(policy, example, buffer, **options):
        export(policy, example, buffer, **options)
        found[buffer.getvalue()] = copy.deepcopy(policy)

    monkeypatch.setattr(torch.onnx, 'export', remember)
    return found


@pytest.fixture
def options(maze, demos, tmp_path):
    """Return a maker of options: options(algorithm, folder, seed, demonstrations, values)."""

    def make(name, folder='run', seed=0, shown=demos, **values):
        _, config = load_config(config_file('train', name), 'maze')
        return TrainOptions(
            contract=maze, algorithm=name, seed=seed, demos=shown, out=tmp_path / folder,
            config=replace(config, **{**SHORT.get(name, {}), **values}))

    return make


def weights(folder):
    return load_file(folder / 'checkpoint/weights.safetensors')


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def go_on(now):
    return True


def acted(checkpoint, seen, history):
    """Return what a checkpoint's graph does along an episode: ``(T, Do)`` to ``(T, Ta, Da)``."""
    graph = ort.InferenceSession(str(Path(checkpoint) / 'policy.onnx'))
    return graph.run(None, {'observation': windows(seen, history)})[0]


def windows(seen, history):
    return np.stack([seen[np.maximum(np.arange(t - history + 1, t + 1), 0)]
                     for t in range(len(seen))])


@pytest.mark.parametrize('name', learning(ALGORITHMS))
def test_it_solves_the_identity_task(name, options, maze, identity):
    done = train_as_asked(options(name, shown=identity, **LONGER.get(name, {})), go_on)
    unseen = identity_task.places(maze, 400, seed=99)
    wanted = maze.action.table[identity_task.right_choice(unseen[:, 0], maze)]
    history = PolicyRunner(done.checkpoint, maze).history
    at = np.repeat(unseen, history, axis=0)  # it stays a while at each place
    does = acted(done.checkpoint, at, history)[history - 1::history, 0]
    assert (np.abs(does - wanted).max(axis=1) < 1e-3).mean() > 0.95


@pytest.mark.parametrize('name', learning(
    name for name, each in ALGORITHMS.items() if each.demonstrated))
def test_it_overfits_one_episode(name, options, maze, bags, tmp_path, monkeypatch):
    monkeypatch.setattr('ilw_sim.batch.batch_env.make_batch', identity_task.make_unpaid_batch)
    at = identity_task.places(maze, 30, seed=5)
    chosen = np.random.default_rng(6).integers(len(maze.action.discrete), size=len(at))
    identity_task.show(bags, tmp_path / 'one' / '0', chosen, at)
    done = train_as_asked(options(name, shown=tmp_path / 'one', **OBEDIENT.get(name, {})), go_on)
    episode = load_episode(tmp_path / 'one' / '0', maze)
    assert len(episode.actions) > 25
    history = PolicyRunner(done.checkpoint, maze).history
    does = acted(done.checkpoint, episode.obs[:-1], history)[:, 0]
    assert (np.abs(does - episode.actions).max(axis=1) < 1e-3).mean() > 0.95


@pytest.mark.parametrize('name', ALGORITHMS)
def test_it_repeats_itself_under_a_seed_and_exports_what_it_acts(
        name, options, maze, identity, exported):
    made = [train_as_asked(options(name, folder, shown=identity), go_on) for folder in ('a', 'b')]
    checkpoint = Path(made[0].checkpoint)
    assert same(*(weights(Path(each.checkpoint).parent) for each in made))
    assert made[0].details == made[1].details
    assert json.loads((checkpoint.parent / 'training.json').read_text()) == (
        json.loads(json.dumps(made[0].as_json())))
    runner = PolicyRunner(checkpoint, maze)
    seen = load_episode(identity / '0', maze).obs[:-1]
    chosen = acted(checkpoint, seen, runner.history)
    assert chosen.shape[::2] == (len(seen), maze.action.dim)
    assert (chosen >= maze.action.low - 1e-6).all() and (chosen <= maze.action.high + 1e-6).all()
    network = exported[(checkpoint / 'policy.onnx').read_bytes()]
    with torch.no_grad():
        wanted = network(torch.as_tensor(windows(seen, runner.history))).numpy()
    assert (np.abs(chosen - wanted).max(axis=(1, 2)) < 1e-4).mean() >= 0.98, 'two may be equal'
    for t, row in enumerate(seen):
        runner.observe(Observation(t, row, np.ones(maze.obs_dim, dtype=bool), 0))
        acts, why = runner.act()
        np.testing.assert_array_equal(acts[0], chosen[t, 0], err_msg=why)


@pytest.mark.parametrize(('name', 'values'), [
    *((name, {}) for name in ALGORITHMS), ('bc', {'fused': False, 'noise': 0.05})])
def test_its_random_numbers_are_its_own(name, values, options, identity):
    made, drawn = [], []
    for folder in ('a', 'b'):
        torch.rand(len(made))
        before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()

        def others_draw(now):
            drawn.append(torch.rand(3))
            return True

        watch = go_on if folder == 'a' else others_draw
        made.append(train_as_asked(options(name, folder, shown=identity, **values), watch))
        state = torch.get_rng_state()
        torch.set_rng_state(before[0])
        for each in drawn:
            assert torch.equal(each, torch.rand(3))
        assert torch.equal(state, torch.get_rng_state())
        assert before[1:] == (str(np.random.get_state()), random.getstate())
    assert drawn
    assert same(*(weights(Path(each.checkpoint).parent) for each in made))


@pytest.mark.parametrize('name', ALGORITHMS)
def test_it_goes_on_where_it_was_interrupted_and_ends_as_if_it_had_not_been(
        name, options, identity):
    whole = train_as_asked(options(name, 'whole', shown=identity), go_on)
    stops = options(name, 'stopped', shown=identity)
    with pytest.raises(CancelledError):
        train_as_asked(stops, lambda now: now.update < 0.6 * now.updates)
    begun = []
    resumed = train_as_asked(stops, lambda now: begun.append(now.update) or True)
    assert min(begun) > 0.4 * max(begun), 'what was done is not done again'
    assert (resumed.steps, resumed.task) == (whole.steps, 'maze')
    if 'Dqn' not in str(ALGORITHMS[name].config):  # its experience is not kept
        assert same(weights(stops.out), weights(stops.out.with_name('whole')))
        assert resumed.details == whole.details
    again = train_as_asked(stops, go_on)
    assert again.success == resumed.success and again.updates == resumed.updates


@pytest.mark.parametrize('name', ['bc', 'qtable'])
def test_with_another_seed_it_begins_anew_in_the_same_folder(name, options):
    train_as_asked(options(name, 'run'), go_on)
    begun = []
    train_as_asked(options(name, 'run', seed=1), lambda now: begun.append(now.update) or True)
    assert min(begun) < 0.4 * max(begun)


@pytest.mark.parametrize('changed', [
    {'plant': 'small_base'}, {'eval_seed': 5}, {'env_spec': 'ilw_sim.env:make_env'},
    {'code': 'another'}])
def test_scored_otherwise_or_of_other_code_it_begins_anew_and_keeps_what_was_there(
        changed, options, capsys):
    if 'plant' in changed:
        changed = {'plant': load_plant(config_file('plants', 'small_base'))}
    values = {'updates': 40, 'eval_episodes': 1, 'candidates': 2}
    first, said, begun = options('bc', 'run', **values), [], []
    train_as_asked(first, go_on)
    second = replace(first, say=said.append, **changed)
    train_as_asked(second, lambda now: begun.append(now.update) or True)
    assert min(begun) == 20
    assert any('kept as of_another_run.resume.safetensors' in text for text in said)
    assert (first.out / 'of_another_run.resume.safetensors').exists()


class Impatient(gymnasium.Env):
    """One step: a success if the robot is driven ahead in it."""

    def __init__(self, contract):
        self.contract = contract

    def reset(self, *, seed=None, options=None):
        return self._seen(), self._info(won=False)

    def step(self, action):
        spec = self.contract.action
        ahead = (spec.table[action] if spec.discrete else np.asarray(action))[0] > 0.0
        return self._seen(), 0.0, True, False, self._info(won=bool(ahead))

    def _seen(self):
        return np.full(self.contract.obs_dim, 0.5, np.float32)

    def _info(self, *, won):
        return {'valid': np.ones(self.contract.obs_dim, bool), 'success': won, 'time_s': 0.1,
                'stop_reason': 'goal' if won else 'timeout', 'path_length_m': 0.0,
                'shortest_path_m': 0.0}


def impatient(contract):
    return Impatient(contract)


@pytest.mark.long
def test_candidates_are_scored_with_inference_as_slow_as_the_values_say(options):
    found = {}
    for slower_s in (0.0, 0.3):
        given = options('act', f'{slower_s}', updates=60, candidates=1, eval_episodes=3,
                        eval_slower_s=slower_s)
        summary = train_as_asked(
            replace(given, env_spec=f'{__name__}:impatient'), go_on)
        found[slower_s] = (summary.success, summary.episodes_eval)
    assert found == {0.0: (3, 3), 0.3: (0, 3)}, 'the first action comes three ticks late'


def test_without_its_checkpoint_a_run_begins_anew(options):
    given, said = options('bc', 'run', updates=40, candidates=2), []
    train_as_asked(given, go_on)
    shutil.rmtree(given.out / 'checkpoint')
    assert train_as_asked(replace(given, say=said.append), go_on).updates == 40
    assert 'has lost its checkpoint' in said[0]


def test_by_autograd_noise_and_all_goes_on_to_the_same_bits(options):
    values = {'fused': False, 'noise': 0.05, 'updates': 300}
    train_as_asked(options('bc', 'whole', **values), go_on)
    stopped = options('bc', 'stopped', **values)
    with pytest.raises(CancelledError):
        train_as_asked(stopped, lambda now: now.update < 200)
    train_as_asked(stopped, go_on)
    assert same(weights(stopped.out), weights(stopped.out.with_name('whole')))
    train_as_asked(options('bc', 'other', seed=1, **values), go_on)
    assert not same(weights(stopped.out), weights(stopped.out.with_name('other')))


@pytest.mark.parametrize(('updates', 'candidates'), [(900, 7), (80, 15), (10, 3), (3, 5)])
def test_the_last_candidate_is_the_policy_at_the_end(options, updates, candidates):
    given = options('bc', 'run', updates=updates, candidates=candidates, hidden=8)
    train_as_asked(given, go_on)
    rows = [json.loads(line) for line in (given.out / 'metrics.jsonl').read_text().splitlines()]
    at = [row['step'] for row in rows if 'eval/held_out_loss' in row]
    assert at[-1] == updates and len(at) == min(updates, candidates)


def test_cloning_by_autograd_ends_where_the_fused_steps_do(options):
    by_hand = train_as_asked(options('bc', 'fused', noise=0.0, updates=200), go_on)
    autograd = train_as_asked(
        options('bc', 'autograd', noise=0.0, updates=200, fused=False), go_on)
    one, other = (weights(Path(each.checkpoint).parent) for each in (by_hand, autograd))
    assert one.keys() == other.keys() and by_hand.checkpoint != autograd.checkpoint
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], atol=2e-4, err_msg=name)


@pytest.mark.parametrize('switches', [
    {}, {'double': False}, {'dueling': True, 'action_gap': 0.3}, {'margin': 0.8, 'average': 0.9}])
def test_values_by_autograd_are_those_of_the_fused_update(switches):
    from ilw_learner.algorithms.q_learning.q_values import DqnConfig
    from ilw_learner.data.replay_buffer import ReplayBuffer, Transitions

    config = DqnConfig(**{'hidden': 16, 'batch': 8, 'capacity': 64, 'robots': 1, 'n_step': 1,
                          'target_every': 3, 'demo_ratio': 0.5, 'average': 0.0, **switches})
    cpu, rng = torch.device('cpu'), torch.Generator().manual_seed(0)
    rows = Transitions(torch.randn(40, 5, generator=rng), torch.arange(40) % 3,
                       torch.randn(40, generator=rng), torch.full((40,), 0.9),
                       torch.randn(40, 5, generator=rng))
    ends = []
    for fused in (True, False):
        dqn = Dqn(replace(config, fused=fused), 5, 3, cpu, seed=2)
        buffer = ReplayBuffer(64, 5, cpu, torch.Generator().manual_seed(1), demos=rows)
        buffer.add(rows)
        errors = [dqn.update(buffer).clone() for _ in range(25)]
        ends.append((torch.stack(errors), dqn.values(rows.obs).clone()))
    for by_hand, autograd in zip(*ends, strict=True):
        torch.testing.assert_close(by_hand, autograd, atol=2e-4, rtol=1e-3)


# -- an algorithm of one's own

@pytest.fixture
def linear(tmp_path):
    """Return the file that docs/how-to/add_an_algorithm.md shows."""
    (block,) = re.findall(r'```python\n(.*?)```', PAGE.read_text(), re.DOTALL)
    (tmp_path / 'linear.py').write_text(block)
    return tmp_path / 'linear.py'


def test_the_algorithm_of_the_page_trains_exports_and_is_scored(
        linear, demos, maze, tmp_path, capsys):
    (tmp_path / 'linear.yaml').write_text(
        'algorithm: linear\nupdates: 1500\nlearning_rate: 0.02\naverage: 0.9\n'
        'tasks:\n  maze: {shrink: 0.0001}\n')
    train.main(['--task', 'maze', '--demos', str(demos), '--algo-file', str(linear), '--config',
                str(tmp_path / 'linear.yaml'), '--env', 'none', '--out', str(tmp_path / 'run')],
               standalone_mode=False)
    assert 'held-out: mean error 0.0' in capsys.readouterr().out
    checkpoint = tmp_path / 'run/checkpoint'
    runner = PolicyRunner(checkpoint, maze)
    assert load_checkpoint(checkpoint).card['network']['shrink'] == 0.0001
    runner.observe(Observation(0, load_episode(demos / '1', maze).obs[7],
                               np.ones(maze.obs_dim, dtype=bool), 0))
    np.testing.assert_allclose(runner.act()[0][0], [0.4, 0.0], atol=0.02)
    evaluate.main([str(checkpoint), '--episodes', '1', '--json'], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)['n'] == 1


@pytest.mark.parametrize(('spoil', 'said'), [
    (lambda text: text.replace('class LinearPolicy', 'class LinearPolicy(:'), r':\d+: invalid'),
    (lambda text: text.replace('import torch\n', 'import torhc\n'), r":\d+: ModuleNotFoundError"),
    (lambda text: text.replace('ALGORITHM = ', 'ALGO = '), 'ALGORITHM is None'),
    (lambda text: text.replace('Algorithm(LinearConfig', 'Algorithm(dict'), 'ALGORITHM.config'),
    (lambda text: text.replace(', train, demo', ', 5, demo'), 'ALGORITHM.train'),
    (lambda text: text.replace('@dataclass(frozen=True)\n', ''), 'LinearConfig'),
    (lambda text: text.replace('obs[0].size', '3'), r':\d+: .*Correct the algorithm'),
    (lambda text: text.replace('.reshape(-1, *self.shape)', '.unflatten(1, self.shape)'),
     r'cannot be deployed: .*Mod'),
    (lambda text: text.replace('(self.predict(obs), self.low)', '(obs[:, 0, :2], self.low)'),
     'act.. must return'),
    (lambda text: text.replace('return off.square().mean()', 'return off.shape'),
     r'Correct the algorithm'),
])
def test_a_mistake_in_an_algorithm_file_is_one_line_that_names_it(
        linear, demos, tmp_path, typed, monkeypatch, spoil, said):
    text = linear.read_text()
    linear.write_text(spoil(text))
    assert linear.read_text() != text
    monkeypatch.chdir(tmp_path)  # named as a person does
    code, _, error = typed('train', '--task', 'maze', '--demos', demos, '--algo-file', 'linear.py',
                           '--env', 'none', '--out', tmp_path / 'run')
    assert code == 2 and 'Traceback' not in error
    (line,) = [each for each in error.strip().splitlines() if each.startswith('error')]
    assert str(linear) in line and re.search(said, line), line


@pytest.mark.parametrize('name', ['missing.py', 'folder.py', 'notes.txt'])
def test_what_is_no_python_file_is_refused(tmp_path, name):
    if name.startswith('folder'):
        (tmp_path / name).mkdir()
    if name.endswith('txt'):
        (tmp_path / name).write_text('ALGORITHM = 5')
    with pytest.raises(ContractError, match='must be a Python file'):
        algorithm_in(tmp_path / name)
