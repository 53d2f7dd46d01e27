"""
What a network that learns makes of an image: a few places in it, each where something is.

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
    :param convolutions: from ``(N, C, h, w)`` pixels within +-0.5 to ``(N, channels, ...)``;
        ``None``: a few small ones.
    :param channels: of every small one.
    :param shift_px: it sees a part that is so much smaller: any while it trains, else the middle.
    :param colour: while it trains, brightness and contrast differ by up to this, image by image.
    """

    def __init__(self, shape: tuple[int, ...], channels: int = 32, *,
                 convolutions: nn.Sequential | None = None, shift_px: int = 0,
                 colour: float = 0.0) -> None:
        super().__init__()
        self._shape, self._colour = shape, colour
        self._shift_px = min(shift_px, min(shape[:2]) - 8)
        self.convolutions = convolutions or _few(shape[2], channels)
        height, width = (side - self._shift_px for side in shape[:2])
        with torch.no_grad():
            _, found, rows, columns = self.convolutions(
                torch.zeros(1, shape[2], height, width)).shape
        self.width = 3 * found
        """Numbers per image"""
        self.register_buffer('places', places_of(rows, columns))

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B * To, width)`` numbers for ``(B, To, H, W, C)`` uint8 images."""
        height, width, seen = self._shape
        pixels = self._part(images.reshape(-1, height, width, seen))
        values = pixels.permute(0, 3, 1, 2).float() * (1.0 / 255.0) - 0.5  # (B * To, C, h, w)
        values = self._in_other_light(values)
        with torch.autocast('cpu', torch.bfloat16, enabled=self.training and has_tiles()):
            answers = self.convolutions(values)
        answers = answers.float()
        return torch.cat([mean_places(answers, self.places),
                          torch.tanh(answers.amax((2, 3)))], dim=1)

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


def _few(seen: int, channels: int) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for kernel, stride in _LAYERS:
        blocks += [nn.Conv2d(seen, channels, kernel, stride, kernel // 2), nn.ReLU()]
        seen = channels
    return nn.Sequential(*blocks[:-1])


def places_of(rows: int, columns: int) -> Tensor:
    """Return where the cells of a map are, ``(rows * columns, 2)`` within +-1: across, down."""
    down, across = torch.meshgrid(torch.linspace(-1.0, 1.0, rows),
                                  torch.linspace(-1.0, 1.0, columns), indexing='ij')
    return torch.stack([across, down], -1).reshape(-1, 2)


def mean_places(answers: Tensor, places: Tensor) -> Tensor:
    """Return where each channel answers, ``(N, channels * 2)`` for ``(N, channels, ...)``."""
    found: Tensor = (answers.flatten(2).softmax(-1) @ places).flatten(1)
    return found
