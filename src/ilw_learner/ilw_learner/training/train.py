"""Train as a person asks: the command, the trainer node, the sweep and the demo call this."""

from collections.abc import Callable

from ilw_core.contract.family import require_family
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.files import write_file
from ilw_learner.algorithms import ALGORITHMS, Algorithm
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.training.imitation import ImitationConfig
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary


def train(options: TrainOptions, on_progress: Callable[[Progress], bool],
          algorithm: Algorithm | None = None) -> TrainSummary:
    """
    Train and return a summary that is also written to ``training.json``.

    :param on_progress: called now and then; returning ``False`` cancels.
    :param algorithm: instead of that of the name.
    :raises IlwError: no usable episode, or an environment is not there.
    :raises CancelledError: ``on_progress`` said so.
    """
    chosen = algorithm or ALGORITHMS[options.algorithm]
    _check_images(options, chosen)
    if options.begin is not None and not chosen.begins:
        able = ' or '.join(name for name, each in ALGORITHMS.items() if each.begins)
        raise IlwError(f'{options.algorithm} cannot begin with a checkpoint. Leave --from out, or '
                       f'use --algo {able}.')
    if options.tasks and not chosen.many_tasks:
        able = ' or '.join(name for name, each in ALGORITHMS.items() if each.many_tasks)
        raise IlwError(f'{options.algorithm} learns one task at a time. Name one, or use --algo '
                       f'{able}.')
    require_family([options.contract, *(each.contract for each in options.tasks[1:])])
    _check_keep(options, chosen)
    if options.labels != 'all' and not issubclass(chosen.config, ImitationConfig):
        raise IlwError(f'{options.algorithm} does not learn step by step from labels. Leave '
                       f'--labels out, or use --algo bc.')
    _check_reward(options, chosen)
    if options.plant is not None:
        if chosen.obeys_at_once:
            raise IlwError('A table is learned in a model of one base that obeys at once. Leave '
                           '--plant out, or use --algo dqn.')
        options.out.mkdir(parents=True, exist_ok=True)
        write_file(options.out / 'plant.yaml', options.plant.text())
    return chosen.train(options, on_progress)


def _check_keep(options: TrainOptions, algorithm: Algorithm) -> None:
    """Refuse to keep what was never learned, or by nothing."""
    if options.keep != 'none' and options.begin is None:
        raise IlwError(f'--keep {options.keep} holds a training to what it begins with. Say with '
                       f'what: --from CHECKPOINT.')
    if options.keep != 'none' and not issubclass(algorithm.config, ImitationConfig):
        raise IlwError(f'--keep {options.keep} holds behaviour cloning to what it did. Leave it '
                       f'out, or use --algo bc.')
    if options.old_demos and options.keep == 'none':
        raise IlwError('--old-demos are of no use without --keep replay or --keep ewc. Say which.')


def _check_reward(options: TrainOptions, algorithm: Algorithm) -> None:
    """Refuse a recovered reward that nothing learns from; say where it is counted otherwise."""
    if options.reward is None:
        return
    if not algorithm.rewarded:
        able = ' or '.join(name for name, each in ALGORITHMS.items() if each.rewarded)
        raise IlwError(f'{options.algorithm} cannot learn from a recovered reward. Leave --reward '
                       f'out, or use --algo {able}.')
    gamma, discount = getattr(options.config, 'gamma', 1.0), options.reward.discount
    if discount not in (1.0, gamma):
        options.say(f'The reward was recovered with a discount of {discount:g} per step, and '
                    f'{options.algorithm} learns with gamma: {gamma:g}. What is best may differ.')


def _check_images(options: TrainOptions, algorithm: Algorithm) -> None:
    """Refuse, before any recording is read, what cannot learn from a contract's images."""
    cameras = ', '.join(source.name for source in options.contract.images)
    if cameras and not algorithm.sees_images:
        able = ' or '.join(name for name, each in ALGORITHMS.items() if each.sees_images)
        raise ContractError(f'{options.algorithm} learns from numbers only, and '
                            f'{options.contract.name} observes images ({cameras}). Use --algo '
                            f'{able}.')
    if cameras and options.env_spec is not None:
        make_env(options.env_spec, options.contract).close()
