"""Replay: what goes in comes out, n steps add up, demonstrations stay, priorities hold."""

import pytest
import torch

from ilw_learner.data.replay_buffer import NStep, ReplayBuffer, SumTree, Transitions

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
