"""What a GPU is asked for, asked of a CPU: nothing waits for it, every update asks the same."""

from dataclasses import replace

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ilw_learner.algorithms.q_learning import q_learner
from ilw_learner.algorithms.q_learning.q_learner import DrivingScore, QLearner
from ilw_learner.algorithms.q_learning.q_values import Dqn, DqnConfig
from ilw_learner.data.n_step import NStep
from ilw_learner.data.replay_buffer import ReplayBuffer, Transitions
from ilw_learner.networks.cuda_graph import CudaGraph
from ilw_learner.rollout.vec_env import Steps

CPU = torch.device('cpu')
CONFIG = DqnConfig(hidden=8, layers=2, batch=16, target_every=3, average=0.9, n_step=3, robots=6,
                   capacity=200, warm_up=30, steps=600, action_gap=0.3, learning_rate=0.01)
KINDS = [{}, {'prioritised': True}, {'prioritised': True, 'dueling': True, 'double': False}]
LOOKS = {'item', 'tolist', 'numpy', 'cpu', '__bool__', '__float__', '__int__', '__index__',
         '__contains__', 'nonzero', 'masked_select', 'unique'}


class WaitsError(RuntimeError):
    pass


class NoLook(TorchFunctionMode):
    """Refuses what reads a number of a tensor: on a GPU, it waits for all that was asked."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, '__name__', '') in LOOKS:
            raise WaitsError(func.__name__)
        return func(*args, **(kwargs or {}))


class Asked(TorchDispatchMode):
    """Notes every operation with its numbers, and refuses those whose result has any length."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name, kwargs = str(func), kwargs or {}
        masked = name.startswith('aten.index') and any(
            isinstance(each, torch.Tensor) and each.dtype == torch.bool
            for arg in args if isinstance(arg, (list, tuple)) for each in arg)
        if masked or any(look in name for look in ('nonzero', 'local_scalar', 'masked_select')):
            raise WaitsError(name)
        self.seen.append((name, self._plain(args), self._plain(list(kwargs.items()))))
        return func(*args, **kwargs)

    def _plain(self, value):
        if isinstance(value, torch.Tensor):
            return tuple(value.shape), value.dtype
        if isinstance(value, (list, tuple)):
            return [self._plain(each) for each in value]
        return value


def as_on_a_gpu(dqn):
    """Let networks and optimiser take the way they take there."""
    for network in (dqn.network, dqn.target):
        for rows in (CONFIG.batch, CONFIG.robots):
            network._memory(rows)  # here, that looks at them as NumPy does
        network._by_torch = True
        network._biases, network._grad_biases = network.biases, network._views(network.grad)[1]
    dqn._optimiser._arrays = dqn._one = None
    dqn._by_kernels = False
    return dqn


def transitions(count, seed, width=4):
    rng = torch.Generator().manual_seed(seed)
    return Transitions(torch.randn(count, width, generator=rng),
                       torch.randint(3, (count,), generator=rng),
                       torch.randn(count, generator=rng), torch.full((count,), 0.9),
                       torch.randn(count, width, generator=rng))


def buffer_of(config, filled=80, demos=None):
    buffer = ReplayBuffer(200, 4, CPU, torch.Generator().manual_seed(1), demos=demos,
                          alpha=config.alpha if config.prioritised else 0.0)
    buffer._on_gpu = True
    if filled:
        buffer.add(transitions(filled, 2))
    return buffer


class Lamps:
    """Robots whose episodes are as long as their number: no operation here waits."""

    def __init__(self, count):
        self.count, self.lasts = count, 2.0 + torch.arange(count)

    def reset(self, seed):
        self.at = torch.zeros(self.count)
        return self._obs()

    def _obs(self):
        return torch.stack([self.at, self.lasts], 1)

    def step(self, choices):
        self.at = self.at + 1.0
        after, done = self._obs(), self.at >= self.lasts
        late = done & (self.lasts % 2 == 0)
        self.at = torch.where(done, 0.0, self.at)
        return Steps(self._obs(), choices.float() + 0.1 * self.lasts, done & ~late, late, after,
                     done)


def learner(config, on_gpu=True):
    made = QLearner(config, Lamps(config.robots), lambda obs: obs, 3, device=CPU,
                    judge=lambda dqn: DrivingScore(0.0, 0.0, 1))
    if on_gpu:
        made._on_gpu = made._buffer._on_gpu = made._nstep._on_gpu = True
        as_on_a_gpu(made.dqn)
    return made


def test_a_learner_is_made_without_a_look_at_what_its_device_holds(monkeypatch):
    made = learner(CONFIG)  # these two look, and on a CPU alone
    monkeypatch.setattr(q_learner, 'Dqn', lambda *given: made.dqn)
    monkeypatch.setattr(q_learner, 'ReplayBuffer', lambda *given, **more: made._buffer)
    with NoLook():
        assert learner(CONFIG).dqn is made.dqn


@pytest.mark.parametrize('look', [
    float, bool, int, torch.Tensor.item, torch.Tensor.tolist, lambda t: t.any().item(),
    lambda t: bool((t > 0).any()), lambda t: t.numpy(), lambda t: torch.nonzero(t),
    lambda t: torch.ones(1)[t > 0], lambda t: torch.ones(1).__setitem__(t > 0, 0.0),
    lambda t: t if t > 0 else None, lambda t: range(t.long())])
def test_what_would_wait_is_noticed(look):
    with pytest.raises(WaitsError), NoLook(), Asked():
        look(torch.ones(1))


@pytest.mark.parametrize('options', KINDS)
@pytest.mark.parametrize('demonstrated', [False, True])
def test_an_update_does_not_wait_for_the_device(options, demonstrated):
    config = replace(CONFIG, margin=0.5, demo_ratio=0.25, **options)
    dqn = as_on_a_gpu(Dqn(config, 4, 3, CPU))
    buffer = buffer_of(config, demos=transitions(20, 5) if demonstrated else None)
    begin = dqn.network.flat.clone()
    with NoLook(), Asked():
        for k in range(9):
            dqn.set_progress(k / 10)
            error = dqn.update(buffer, 0.4)
            buffer.add(transitions(50, k))
    assert error.shape == (16,) and not torch.equal(begin, dqn.network.flat)


@pytest.mark.parametrize('options', KINDS)
def test_a_round_does_not_wait_for_the_device(options):
    made = learner(replace(CONFIG, **options))
    with NoLook(), Asked():
        for _ in range(40):
            made.advance()
    assert made.dqn.updates > 30
    assert made.figures()['train/return'] == pytest.approx(made._mean_return())


@pytest.mark.parametrize('options', KINDS)
def test_every_update_asks_for_the_same_however_far_the_training_is(options):
    config = replace(CONFIG, **options)
    dqn, buffer = as_on_a_gpu(Dqn(config, 4, 3, CPU)), buffer_of(config, 30)
    beta = torch.zeros(())

    def one():
        dqn._optimiser.prepare()
        with Asked() as asked:
            dqn._step(buffer, beta)
        return asked.seen

    one()  # allocates
    stays = [dqn.network.flat, dqn.network.grad, buffer._rows, buffer._largest, buffer._filled,
             *dqn._optimiser.state().values()]
    first = one()
    assert len(first) > 40
    for done in (0.2, 0.6, 0.9):
        dqn.set_progress(done)
        beta.fill_(done)
        buffer.add(transitions(60, 7))
        assert one() == first, 'a captured update would go on with the numbers of its first'
    now = [dqn.network.flat, dqn.network.grad, buffer._rows, buffer._largest, buffer._filled,
           *dqn._optimiser.state().values()]
    for a, b, name in zip(stays, now, ('flat', 'grad', 'rows', 'largest', 'filled', 'first',
                                       'second'), strict=False):
        assert a.data_ptr() == b.data_ptr(), name


@pytest.mark.parametrize('options', [{'prioritised': True, 'alpha': 0.5},
                                     {'prioritised': True, 'dueling': True, 'clip_norm': 0.05}])
def test_a_training_learns_the_same_on_either_way(options):
    made = [learner(replace(CONFIG, **options), on_gpu) for on_gpu in (False, True)]
    for each in made:
        for _ in range(80):
            each.advance()
    one, other = made
    assert one.dqn.updates == other.dqn.updates > 50
    assert torch.allclose(one.dqn.network.flat, other.dqn.network.flat, atol=1e-3)
    assert torch.allclose(one._buffer._rows[:200], other._buffer._rows[:200])
    assert len(one._recent) == 100 and int(other._ended) > 100
    assert sorted(one._recent) == pytest.approx(sorted(other._ring[:100].tolist()))
    assert other._mean_return() == pytest.approx(one._mean_return(), abs=1e-5)


def test_the_mean_return_is_of_the_newest_hundred_episodes_and_unknown_without_any():
    made = learner(CONFIG)
    assert str(made._mean_return()) == 'nan'
    ended = torch.tensor([True, False, True, False, False, False])
    made._returns[:] = torch.arange(6.0)
    made._note(ended)
    assert made._mean_return() == 1.0
    assert made._returns.tolist() == [0.0, 1.0, 0.0, 3.0, 4.0, 5.0]
    for _ in range(70):
        made._returns[:] = 9.0
        made._note(ended)
    assert made._mean_return() == 9.0


@pytest.mark.parametrize('filled', [1, 17, 64, 200])
def test_rows_are_drawn_evenly_of_what_is_filled(filled):
    buffer = ReplayBuffer(200, 4, CPU, torch.Generator().manual_seed(1))
    buffer._on_gpu = True
    buffer.add(transitions(filled, 3))
    counts = torch.bincount(buffer.draw(40_000).rows, minlength=200)
    assert int(counts[filled:].sum()) == 0
    mean = 40_000 / filled
    assert (counts[:filled] - mean).abs().max() < 5.0 * mean ** 0.5


def test_transitions_end_alike_whether_the_ended_are_picked_or_all_are_written():
    rng = torch.Generator().manual_seed(0)
    ways = [NStep(3, 5, 2, 0.9, CPU) for _ in range(2)]
    ways[1]._on_gpu = True
    for _ in range(40):
        obs, after = torch.randn(2, 5, 2, generator=rng)
        ends = torch.rand(2, 5, generator=rng) < 0.2
        given = (obs, torch.randint(3, (5,), generator=rng), torch.randn(5, generator=rng),
                 ends[0], ends[1] & ~ends[0], after)
        one, other = (way.push(*given) for way in ways)
        assert (one is None) == (other is None)
        if one is not None:
            assert all(torch.equal(a, b) for a, b in zip(
                vars(one).values(), vars(other).values(), strict=True))


def test_a_graph_is_captured_after_three_calls_and_replayed_from_then_on(monkeypatch):
    class Graph:
        rngs, replayed = [], 0

        def register_generator_state(self, rng):
            Graph.rngs.append(rng)

        def replay(self):
            Graph.replayed += 1

    class Capturing:
        def __init__(self, graph):
            assert isinstance(graph, Graph)

        def __enter__(self):
            assert len(calls) == 3 and Graph.replayed == 0

        def __exit__(self, *_):
            assert len(calls) == 4 and Graph.replayed == 0

    calls, rng = [], torch.Generator()
    monkeypatch.setattr(torch.cuda, 'CUDAGraph', Graph)
    monkeypatch.setattr(torch.cuda, 'graph', Capturing)
    graph = CudaGraph(lambda: calls.append(1) or torch.tensor(float(len(calls))), rng)
    assert [float(graph()) for _ in range(6)] == [1.0, 2.0, 3.0, 4.0, 4.0, 4.0]
    assert len(calls) == 4 and Graph.replayed == 3 and Graph.rngs == [rng]
