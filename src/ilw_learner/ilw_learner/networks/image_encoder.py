"""
What a network makes of an image: a few places in it, each where something is.

S. Levine, C. Finn, T. Darrell, P. Abbeel, "End-to-end training of deep visuomotor policies", JMLR
2016: convolutions, then the spatial softmax (section 5.1), the mean place of each channel.

Differences from the paper: strides instead of a first layer from another task; how strongly a
channel answers at most is given beside where, so that "nowhere" differs from "in the middle". On a
CPU with tiles for it (Intel AMX), convolutions multiply bfloat16 in training: twice as fast.
"""

import torch
from torch import Tensor, nn

_LAYERS = ((5, 2), (3, 2), (3, 1))
"""Kernel and stride of each convolution"""


def has_tiles() -> bool:
    """Tell whether this CPU multiplies tiles of bfloat16."""
    # torch has no public name for it yet, and this one not in every version
    return bool(getattr(torch.cpu, '_is_amx_tile_supported', bool)())


class ImageEncoder(nn.Module):
    """
    Images of one camera to numbers.

    :param shape: (H, W, C) of the images.
    :param channels: of every convolution.
    :param shift_px: it sees a part that is so much smaller: any while it trains, else the middle.
    :param colour: while it trains, brightness and contrast differ by up to this, image by image.
    """

    def __init__(self, shape: tuple[int, ...], channels: int = 32, *, shift_px: int = 0,
                 colour: float = 0.0) -> None:
        super().__init__()
        self._colour, self._shift_px = colour, min(shift_px, min(shape[:2]) - 8)
        height, width, seen = shape[0] - self._shift_px, shape[1] - self._shift_px, shape[2]
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
        pixels = self._part(images.reshape(-1, height, width, seen))
        values = pixels.permute(0, 3, 1, 2).float() * (1.0 / 255.0) - 0.5  # (B * To, C, h, w)
        values = self._in_other_light(values)
        with torch.autocast('cpu', torch.bfloat16, enabled=self.training and has_tiles()):
            answers = self.convolutions(values)
        answers = answers.float().reshape(-1, self._channels, self._cells)
        found = answers.softmax(-1) @ self.places  # (B * To, channels, 2)
        return torch.cat([found.flatten(1), torch.tanh(answers.amax(-1))], dim=1)

    def _part(self, pixels: Tensor) -> Tensor:
        """Return the part that is seen of ``(N, H, W, C)``, smaller by ``shift_px``."""
        height, width, _ = (each - self._shift_px for each in self._shape)
        if not self._shift_px:
            return pixels
        if not self.training:
            begin = self._shift_px // 2
            return pixels[:, begin:begin + height, begin:begin + width]
        count, device = len(pixels), pixels.device
        top, left = torch.randint(self._shift_px + 1, (2, count, 1), device=device)
        rows, columns = (begin + torch.arange(size, device=device) for begin, size in (
            (top, height), (left, width)))
        each = torch.arange(count, device=device)[:, None, None]
        return pixels[each, rows[:, :, None], columns[:, None, :]]  # (N, h, w, C)

    def _in_other_light(self, values: Tensor) -> Tensor:
        """Return ``(N, C, h, w)`` values around 0, each image with a contrast and brightness."""
        if not self.training or not self._colour:
            return values
        contrast, brightness = self._colour * (2.0 * torch.rand(
            2, len(values), 1, 1, 1, device=values.device) - 1.0)
        return values * (1.0 + contrast) + 0.5 * brightness


def _strided(size: int, stride: int) -> int:
    return (size - 1) // stride + 1
