"""Random numbers of a training that touch nobody else's, and that nobody else touches."""

from types import TracebackType

import torch
from torch import Tensor


class OwnRandom:
    """
    A context in which torch's global random numbers go on from where it was left last.

    Layers and losses draw from torch's global generators and take no other. Within the context
    those are a training's own; outside it they are what they would have been without it.

    :param device: whose generator is kept beside the CPU's.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        self._inside = {'random': torch.Generator().manual_seed(seed).get_state()}
        if device.type == 'cuda':
            self._inside['random_cuda'] = torch.Generator(device).manual_seed(seed).get_state()
        self._outside: dict[str, Tensor] = {}

    def _now(self) -> dict[str, Tensor]:
        state = {'random': torch.get_rng_state()}
        if self._device.type == 'cuda':
            state['random_cuda'] = torch.cuda.get_rng_state(self._device)
        return state

    def _set(self, state: dict[str, Tensor]) -> None:
        torch.set_rng_state(state['random'].cpu())
        if self._device.type == 'cuda':
            torch.cuda.set_rng_state(state['random_cuda'].cpu(), self._device)

    def __enter__(self) -> None:
        self._outside = self._now()
        self._set(self._inside)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._inside = self._now()
        self._set(self._outside)

    def state(self) -> dict[str, Tensor]:
        """Return what it takes to go on."""
        return self._inside

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``; keys beside its own are left alone."""
        self._inside = {name: state[name] for name in self._inside}
