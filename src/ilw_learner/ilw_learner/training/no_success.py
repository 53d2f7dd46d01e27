"""What to do next when not one episode of an evaluation succeeded."""

from collections.abc import Sequence
from pathlib import Path

from ilw_core.text.printable import pasteable
from ilw_learner.rollout.evaluate import Rollout

STILL_M = 0.1
"""A robot that drove less than this in an episode stood still"""


def how_it_went(runs: Sequence[Rollout]) -> str:
    """Return in a sentence how episodes without success ended."""
    still = sum(run.path_length_m < STILL_M for run in runs)
    collided = sum(run.stop_reason == 'collision' for run in runs)
    late = sum(run.stop_reason == 'timeout' and run.path_length_m >= STILL_M for run in runs)
    parts = [f'{count} {what}' for count, what in (
        (collided, 'collided'), (still, f'stood still (less than {STILL_M:g} m driven)'),
        (late, 'drove until time was up')) if count]
    return f'None of {len(runs)} succeeded: {", ".join(parts) or "none says why"}.'


def next_steps(task: str, checkpoint: str | Path, algorithm: str,
               demos: Path | None = None, *, demonstrated: bool = True) -> list[str]:
    """
    Return commands that find out why, each with what it tells.

    :param demos: what it was trained from; ``None``: ``demos/TASK``.
    :param demonstrated: whether it learned from demonstrations at all.
    """
    if not demonstrated:
        return ['Next: is it learning at all?  ./ilw runs runs --plot curves.png',
                'If its curve is flat: more steps, or shaping, in config/train/'
                f'{algorithm}.yaml; see docs/how-to/learn_from_reward.md.']
    folder = pasteable(demos or Path('demos') / task)
    return [f'Next: what would spoil training?  ./ilw episodes check {folder} '
            f'--task {pasteable(task)}',
            f'Then: does it do what was demonstrated?  ./ilw replay --bag {folder} '
            f'--policy {pasteable(checkpoint)}',
            'If it does there and fails here, it met what nobody showed: record more, from other '
            'starts; see docs/how-to/how_many_demonstrations.md.']
