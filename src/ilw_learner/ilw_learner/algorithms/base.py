"""What an algorithm is: values, and a training that ends in a policy which acts on its own."""

from collections.abc import Callable
from dataclasses import dataclass

from ilw_learner.training.options import TrainConfig, TrainOptions
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary


@dataclass(frozen=True)
class Algorithm:
    """One way to learn; its name is its key in ``ALGORITHMS``."""

    config: type[TrainConfig]
    """Its values with their defaults; ``config/train/NAME.yaml`` has the reasons"""
    train: Callable[[TrainOptions, Callable[[Progress], bool]], TrainSummary]
    """Ends with a checkpoint; a progress callback that returns ``False`` cancels"""
    demonstrated: bool = False
    """Whether it begins with ``TrainOptions.demos``"""
    obeys_at_once: bool = False
    """Whether it knows only robots that do at once what they are told"""
    begins: bool = False
    """Whether it can begin with what a checkpoint has learned, ``TrainOptions.begin``"""
    many_tasks: bool = False
    """Whether one policy of it can learn several tasks together, ``TrainOptions.tasks``"""
    rewarded: bool = False
    """Whether it can learn from a recovered reward, ``TrainOptions.reward``"""
    sees_images: bool = False
    """Whether its policies take the images of a contract that has some"""
    on_gymnasium: Callable[..., TrainSummary] | None = None
    """How it learns an environment of Gymnasium's, which has no contract"""
