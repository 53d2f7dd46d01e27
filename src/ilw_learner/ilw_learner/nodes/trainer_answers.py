"""What the trainer node answers: a child process's progress and end as feedback and results."""

import math
from typing import Any

from ilw_learner.child import ChildEnd
from ilw_msgs.action import Evaluate, Train

_TRAIN_ERRORS = {'EpisodeError': Train.Result.ERROR_DATA,
                 'ContractError': Train.Result.ERROR_CONFIG,
                 'IlwError': Train.Result.ERROR_CONFIG}
_EVALUATE_ERRORS = {'CheckpointError': Evaluate.Result.ERROR_NO_POLICY,
                    'ContractError': Evaluate.Result.ERROR_CONTRACT}


def train_feedback(request: Train.Goal, now: dict[str, Any]) -> Train.Feedback:
    """Return the feedback of one progress line of ``train``."""
    ratio = now['success_ratio']
    return Train.Feedback(update=now['update'], updates=now['updates'], loss=now['loss'],
                          success_ratio=math.nan if ratio is None else ratio)


def train_result(goal: Any, end: ChildEnd) -> Train.Result:
    """Close a training goal."""
    if goal.is_cancel_requested:
        goal.canceled()
        return Train.Result(error_code=Train.Result.ERROR_CANCELLED, success_ratio=math.nan)
    if not end.summary:
        goal.abort()
        return Train.Result(error_code=_TRAIN_ERRORS.get(end.error, Train.Result.ERROR_FAILED),
                            error_msg=end.words, success_ratio=math.nan)
    goal.succeed()
    summary = end.summary
    ratio = (math.nan if summary['success'] is None
             else summary['success'] / summary['episodes_eval'])
    return Train.Result(checkpoint=summary['checkpoint'], success_ratio=ratio)


def evaluate_feedback(request: Evaluate.Goal, now: dict[str, Any]) -> Evaluate.Feedback:
    """Return the feedback of one progress line of ``eval``."""
    return Evaluate.Feedback(success=now['success'], done=now['done'], episodes=request.episodes)


def evaluate_result(goal: Any, end: ChildEnd) -> Evaluate.Result:
    """Close an evaluation goal."""
    if goal.is_cancel_requested:
        goal.canceled()
        return Evaluate.Result(error_code=Evaluate.Result.ERROR_CANCELLED)
    if not end.summary:
        goal.abort()
        return Evaluate.Result(
            error_code=_EVALUATE_ERRORS.get(end.error, Evaluate.Result.ERROR_FAILED),
            error_msg=end.words)
    goal.succeed()
    summary = end.summary
    return Evaluate.Result(success=summary['success'], episodes=summary['n'],
                           wilson95=summary['wilson95'], collisions=summary['collisions'])
