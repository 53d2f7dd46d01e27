"""Replay: what goes in comes out, n steps add up, demonstrations stay, priorities hold."""

import pytest
import torch

from ilw_learner.data.n_step import NStep, NStepWalk
from ilw_learner.data.replay_buffer import ReplayBuffer, SumTree, Transition, Transitions

CPU = torch.device('cpu')


def transitions(numbers):
    values = torch.as_tensor(numbers, dtype=torch.float32)
    return Transitions(values[:, None], values.long(), values, torch.zeros(len(values)),
                       values[:, None])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize('alpha', [0.0, 0.6])
def test_the_oldest_are_overwritten_and_demonstrations_never(alpha):
    buffer = ReplayBuffer(10, 1, CPU, rng(), demos=transitions([-1, -2, -3]), alpha=alpha)
    for begin in range(0, 28, 4):
        buffer.add(transitions(range(begin, begin + 4)))
    assert len(buffer) == 13
    batch = buffer.draw(5000, beta=1.0)
    seen = set(batch.reward.tolist())
    assert seen == {-1.0, -2.0, -3.0} | set(map(float, range(18, 28)))
    assert torch.equal(batch.demo, batch.reward < 0)
    assert torch.equal(batch.obs[:, 0], batch.reward)
    assert torch.equal(batch.action.float(), batch.reward)


def test_a_share_of_demonstrations_can_be_asked_for():
    buffer = ReplayBuffer(100, 1, CPU, rng(), demos=transitions([-1.0, -2.0]))
    assert buffer.draw(8, demo_ratio=0.25).demo.all()  # nothing else is there yet
    buffer.add(transitions(range(100)))
    assert int(buffer.draw(80, demo_ratio=0.25).demo.sum()) == 20
    assert int(buffer.draw(80).demo.sum()) < 20


def test_an_episode_cut_off_still_asks_for_the_value_of_its_last_observation():
    nstep, out = NStep(3, 2, 1, 0.5, CPU), []
    for t in range(6):  # robot 1 is cut off at step 3
        got = nstep.push(torch.tensor([[t], [10.0 + t]]), torch.tensor([t, t]),
                         torch.tensor([1.0, 2.0]), torch.tensor([False, False]),
                         torch.tensor([False, t == 3]), torch.tensor([[100.0 + t], [200.0 + t]]))
        out.append(got)
    assert out[:2] == [None, None]
    last = out[5]
    assert last.obs[:, 0].tolist() == [3.0, 13.0]
    assert last.reward.tolist() == pytest.approx([1.75, 2.0])
    assert last.discount.tolist() == pytest.approx([0.125, 0.5])
    assert last.after[:, 0].tolist() == [105.0, 203.0]


@pytest.mark.parametrize('steps', [1, 3, 5])
def test_one_robot_after_the_other_makes_the_transitions_of_many(steps):
    many, walks = NStep(steps, 4, 2, 0.9, CPU), [NStepWalk(steps, 0.9) for _ in range(4)]
    found, wanted = [[] for _ in walks], [[] for _ in walks]
    draw = rng(7)
    for _ in range(60):
        obs, after = torch.randn(2, 4, 2, generator=draw)
        ends = torch.rand(2, 4, generator=draw) < 0.15
        choices, rewards = torch.arange(4), torch.randn(4, generator=draw)
        made = many.push(obs, choices, rewards, ends[0], ends[1] & ~ends[0], after)
        for i, walk in enumerate(walks):
            if made is not None:
                wanted[i].append([made.obs[i].tolist(), int(made.action[i]), float(made.reward[i]),
                                  float(made.discount[i]), made.after[i].tolist()])
            found[i] += walk.push(
                obs[i].numpy(), i, float(rewards[i]), terminated=bool(ends[0, i]),
                ended=bool(ends[:, i].any()), after=after[i].numpy())
    for one, other in zip(found, wanted, strict=True):
        assert len(one) >= len(other) > 50
        for new, row in zip(one, other, strict=False):
            assert new.obs.tolist() == row[0] and new.action == row[1]
            assert (new.reward, new.discount) == pytest.approx(tuple(row[2:4]), abs=1e-6)
            assert new.after.tolist() == row[4]


@pytest.mark.parametrize('alpha', [0.0, 0.6])
def test_one_by_one_they_are_where_they_are_all_at_once(alpha):
    buffers = [ReplayBuffer(7, 2, CPU, rng(), alpha=alpha) for _ in range(2)]
    for number in range(19):
        row = torch.tensor([[number, -number]]).float()
        new = Transitions(row, torch.tensor([number]), torch.tensor([0.5 * number]),
                          torch.tensor([0.9]), row + 0.25)
        buffers[0].add(new)
        buffers[1].add_one(Transition(row[0].numpy(), number, 0.5 * number, 0.9,
                                      (row + 0.25)[0].numpy()))
        assert len(buffers[0]) == len(buffers[1]) == min(number + 1, 7)
    one, other = (buffer.draw(64, beta=0.5)._asdict() for buffer in buffers)
    assert all(torch.equal(one[key], other[key]) for key in one if one[key] is not None)


@pytest.mark.parametrize('alpha', [0.0, 0.6])
def test_rows_are_picked_alike_here_and_on_a_gpu(alpha):
    buffers = [ReplayBuffer(50, 3, CPU, rng(2), alpha=alpha) for _ in range(2)]
    draw = rng(3)
    new = Transitions(torch.randn(50, 3, generator=draw), torch.randint(9, (50,), generator=draw),
                      torch.randn(50, generator=draw), torch.rand(50, generator=draw),
                      torch.randn(50, 3, generator=draw))
    for buffer in buffers:
        buffer.add(new)
    batch = buffers[0].draw(32, beta=0.5)
    buffers[1]._array = None
    other = buffers[1].draw(32, beta=0.5)
    for key, value in batch._asdict().items():
        assert (value is None) == (getattr(other, key) is None)
        assert value is None or torch.equal(value, getattr(other, key)), key


def test_a_terminated_episode_has_no_future():
    nstep, rewards = NStep(3, 1, 1, 0.5, CPU), []
    for t in range(5):
        got = nstep.push(torch.tensor([[float(t)]]), torch.tensor([0]), torch.tensor([1.0]),
                         torch.tensor([t == 1]), torch.tensor([False]),
                         torch.tensor([[100.0 + t]]))
        if got is not None:
            rewards.append((float(got.obs), float(got.reward), float(got.discount),
                            float(got.after)))
    assert rewards == [(0.0, 1.5, 0.0, 101.0), (1.0, 1.0, 0.0, 101.0), (2.0, 1.75, 0.125, 104.0)]


def test_a_sum_tree_draws_in_proportion():
    tree = SumTree(5, CPU)
    tree.set(torch.arange(5), torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]))
    tree.set(torch.tensor([4]), torch.tensor([0.0]))
    rows, chance = tree.draw(60_000, rng())
    counts = torch.bincount(rows, minlength=5) / 60_000
    assert torch.allclose(counts, torch.tensor([0.0, 1 / 6, 2 / 6, 3 / 6, 0.0]), atol=0.01)
    assert torch.allclose(chance, (rows.float()) / 6.0)


def test_errors_become_priorities_and_demonstrations_have_a_bonus():
    buffer = ReplayBuffer(4, 1, CPU, rng(), demos=transitions([-1.0]), alpha=1.0)
    buffer.add(transitions([1, 2, 3, 4]))
    everything = buffer.draw(1000)
    error = torch.where(everything.reward == 4.0, 1.0, 0.0)
    buffer.judge(everything, error, bonus=1.0)
    drawn = buffer.draw(4000).reward
    share = {v: float((drawn == v).float().mean()) for v in (-1.0, 1.0, 4.0)}
    assert share[-1.0] == pytest.approx(0.5, abs=0.03)
    assert share[4.0] == pytest.approx(0.5, abs=0.03)
    assert share[1.0] < 0.01
