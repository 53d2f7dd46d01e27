"""Images of windows, gathered where they lie: each is there once, however many windows see it."""

from collections.abc import Mapping, Sequence
import copy

import numpy as np
import torch
from torch import Tensor

from ilw_data.episode.dataset import Dataset, joined_images
from ilw_data.episode.frames import Frames
from ilw_learner.networks.frozen_encoder import FrozenEncoder

_FREE_RATIO = 0.5
"""Of a device's free memory that images may take; what does not fit stays on the host"""


class WindowImages:
    """
    The images of a data set's windows, read per batch from where they lie.

    On a device that has room for them they are copied there once.

    :param images: contract entry -> ``(M, H, W, C)`` uint8.
    :param frames: ``(N, To)`` index into them, of each window.
    """

    def __init__(self, images: Mapping[str, Frames], frames: np.ndarray,
                 device: torch.device) -> None:
        self._device, self._frames = device, torch.as_tensor(frames)
        self._images, self._there = list(images.values()), list[Tensor]()
        if device.type == 'cuda':
            free, _ = torch.cuda.mem_get_info(device)
            if sum(each.nbytes for each in self._images) <= _FREE_RATIO * free:
                self._frames = self._frames.to(device)
                self._there = [torch.cat([torch.as_tensor(np.asarray(part), device=device)
                                          for part in each.parts]) for each in self._images]

    def of(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Return the images of some windows, ``(B, To, H, W, C)`` uint8 per camera."""
        frames = self._frames[rows.to(self._frames.device)]
        if self._there:
            return tuple(each[frames] for each in self._there)
        asked = frames.numpy()
        return tuple(torch.from_numpy(each.take(asked)).to(self._device)
                     for each in self._images)

    def encoded(self, encoders: Sequence[FrozenEncoder]) -> 'WindowImages':
        """Return the same windows with what each camera's encoder makes of them, made once."""
        made = copy.copy(self)
        made._there = [torch.cat([
            encoder.features(torch.as_tensor(np.asarray(part))) for part in each.parts])
            for encoder, each in zip(encoders, self._images, strict=True)]
        made._frames = self._frames.to(self._device)
        return made


def images_of(parts: Sequence[Dataset], device: torch.device) -> WindowImages | None:
    """Return the images of data sets of the same cameras, one after the other; ``None``: none."""
    frames, images = joined_images(parts)
    return None if frames is None else WindowImages(images, frames, device)
