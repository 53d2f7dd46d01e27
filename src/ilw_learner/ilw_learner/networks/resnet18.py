"""
ResNet-18 with group norm, down to one place per channel: for a GPU, and many demonstrations.

K. He et al., "Deep residual learning for image recognition", CVPR 2016: the layers. Y. Wu, K. He,
"Group normalization", ECCV 2018: averaging weights, as every training here does, spoils batch
norm. C. Chi et al., "Diffusion policy", RSS 2023: that norm and a spatial softmax at the end.
"""

from torch import Tensor, nn

_WIDTHS = (64, 128, 256, 512)
_GROUP = 16
"""Channels normalised together, as in diffusion policy"""
_KEYPOINTS = 32
"""Places found at the end, as in diffusion policy"""


class ResidualBlock(nn.Module):
    """Two convolutions, added to what went in."""

    def __init__(self, seen: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*normed(seen, width, 3, stride), nn.ReLU())
        self.second = nn.Sequential(*normed(width, width, 3, 1))
        self.past = nn.Sequential(*normed(seen, width, 1, stride)) if (
            stride > 1 or seen != width) else nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        """Return ``(N, width, ...)`` of ``(N, seen, ...)``."""
        found: Tensor = (self.second(self.first(values)) + self.past(values)).relu()
        return found


def normed(seen: int, width: int, kernel: int, stride: int) -> tuple[nn.Module, nn.Module]:
    """Return a convolution that keeps the size but for its stride, and its norm."""
    return (nn.Conv2d(seen, width, kernel, stride, kernel // 2, bias=False),
            nn.GroupNorm(width // _GROUP, width))


def resnet18(seen: int) -> nn.Sequential:
    """Return its convolutions, for images of so many channels; not trained."""
    blocks = [*normed(seen, _WIDTHS[0], 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = _WIDTHS[0]
    for number, width in enumerate(_WIDTHS):
        blocks += [ResidualBlock(before, width, 1 + bool(number)), ResidualBlock(width, width, 1)]
        before = width
    return nn.Sequential(*blocks, nn.Conv2d(before, _KEYPOINTS, 1))
