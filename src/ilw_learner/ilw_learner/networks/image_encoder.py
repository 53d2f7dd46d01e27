"""
What a network makes of an image: a few places in it, each where something is.

S. Levine, C. Finn, T. Darrell, P. Abbeel, "End-to-end training of deep visuomotor policies", JMLR
2016: convolutions, then the spatial softmax (section 5.1), the mean place of each channel.

Differences from the paper: strides instead of a first layer from another task; how strongly a
channel answers at most is given beside where, so that "nowhere" differs from "in the middle".
"""

import torch
from torch import Tensor, nn

_LAYERS = ((5, 2), (3, 2), (3, 1))
"""Kernel and stride of each convolution"""


class ImageEncoder(nn.Module):
    """
    Images of one camera to numbers.

    :param shape: (H, W, C) of the images.
    :param channels: of every convolution.
    """

    def __init__(self, shape: tuple[int, ...], channels: int = 32) -> None:
        super().__init__()
        height, width, seen = shape
        blocks: list[nn.Module] = []
        for kernel, stride in _LAYERS:
            blocks += [nn.Conv2d(seen, channels, kernel, stride, kernel // 2), nn.ReLU()]
            height, width, seen = (_strided(height, stride), _strided(width, stride), channels)
        self.convolutions = nn.Sequential(*blocks[:-1])
        self.width = 3 * channels
        """Numbers per image"""
        self._shape, self._cells, self._channels = shape, height * width, channels
        rows, columns = torch.meshgrid(torch.linspace(-1.0, 1.0, height),
                                       torch.linspace(-1.0, 1.0, width), indexing='ij')
        self.register_buffer('places', torch.stack([columns, rows], -1).reshape(-1, 2))

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B * To, width)`` numbers for ``(B, To, H, W, C)`` uint8 images."""
        height, width, seen = self._shape
        pixels = images.reshape(-1, height, width, seen).permute(0, 3, 1, 2)  # (B * To, C, H, W)
        answers = self.convolutions(pixels.float() * (1.0 / 255.0) - 0.5)
        answers = answers.reshape(-1, self._channels, self._cells)
        found = answers.softmax(-1) @ self.places  # (B * To, channels, 2)
        return torch.cat([found.flatten(1), torch.tanh(answers.amax(-1))], dim=1)


def _strided(size: int, stride: int) -> int:
    return (size - 1) // stride + 1
