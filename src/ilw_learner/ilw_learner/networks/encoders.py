"""The encoders that a training can choose from, one for each camera of a contract."""

from torch import nn

from ilw_core.contract.file import Contract
from ilw_learner.networks.frozen_encoder import FrozenEncoder
from ilw_learner.networks.image_encoder import ImageEncoder
from ilw_learner.networks.resnet18 import resnet18

SMALL, RESNET18, EFFICIENTNET_LITE0 = 'small', 'resnet18', 'efficientnet_lite0'
ENCODERS = (SMALL, RESNET18, EFFICIENTNET_LITE0)
"""A few convolutions; a deep net that learns; one that has learned, of ImageNet, and stays"""


def encoders_for(contract: Contract, kind: str = SMALL, *, shift_px: int = 0,
                 colour: float = 0.0) -> nn.ModuleList:
    """
    Return one for each camera, in the order of the contract; each has a ``width``.

    :param kind: of ``ENCODERS``.
    :param shift_px: as ``ImageEncoder``'s, like ``colour``; not for one that does not learn.
    """
    shapes = [source.feature.shape for source in contract.images]
    if kind == EFFICIENTNET_LITE0:
        return nn.ModuleList(FrozenEncoder(shape) for shape in shapes)
    return nn.ModuleList(ImageEncoder(
        shape, convolutions=resnet18(shape[2]) if kind == RESNET18 else None,
        shift_px=shift_px, colour=colour) for shape in shapes)


def frozen_in(policy: nn.Module) -> list[FrozenEncoder]:
    """Return those of a policy that do not learn, in the order of its cameras."""
    return [each for each in policy.modules() if isinstance(each, FrozenEncoder)]
