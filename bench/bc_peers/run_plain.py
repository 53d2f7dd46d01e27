"""A plain eager loop over one tensor with fused Adam, for reference: run_plain.py DATA UPDATES."""

from common import BATCH, HIDDEN, RATE, arguments, report
import numpy as np
import torch
from torch import nn

data, updates = arguments()
torch.manual_seed(0)
obs, actions = torch.from_numpy(data['obs']), torch.from_numpy(data['actions'])
network = nn.Sequential(
    nn.Linear(obs.shape[1], HIDDEN[0]), nn.ReLU(), nn.Linear(HIDDEN[0], HIDDEN[1]), nn.ReLU(),
    nn.Linear(HIDDEN[1], actions.shape[1]))
optimizer = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)


def train() -> None:
    """Train for whole epochs, each in an order of its own, until the updates are done."""
    done = 0
    while done < updates:
        for take in torch.randperm(len(obs)).split(BATCH)[:len(obs) // BATCH][:updates - done]:
            loss = nn.functional.mse_loss(network(obs[take]), actions[take])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1


def act(held: np.ndarray) -> np.ndarray:
    """Return the trained network's actions."""
    with torch.no_grad():
        return network(torch.from_numpy(held)).numpy()


report(data, updates, train, act)
