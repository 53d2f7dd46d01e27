"""What the trainer node answers: a child process's progress and end as feedback and results."""

import math
from typing import Any

from ilw_core import errors
from ilw_core.scores.score import EvalScore
from ilw_core.text.answers import answer_of
from ilw_learner.child import ChildEnd
from ilw_learner.training.progress import EvalProgress, Progress
from ilw_learner.training.summary import TrainSummary
from ilw_msgs.action import Evaluate, Train

_TRAIN, _EVALUATE = Train.Result, Evaluate.Result
_TRAIN_CODES = {errors.EpisodeError: _TRAIN.ERROR_DATA, errors.IlwError: _TRAIN.ERROR_CONFIG,
                errors.NotAllowedError: _TRAIN.ERROR_NOT_ALLOWED}
_EVALUATE_CODES = {errors.IlwError: _EVALUATE.ERROR_NO_POLICY,
                   errors.CheckpointError: _EVALUATE.ERROR_NO_POLICY,
                   errors.ContractError: _EVALUATE.ERROR_CONTRACT,
                   errors.NotAllowedError: _EVALUATE.ERROR_NOT_ALLOWED,
                   errors.NoEnvironmentError: _EVALUATE.ERROR_NO_ENVIRONMENT}


def _error(end: ChildEnd) -> type[BaseException]:
    """Return the class of error that a child named; its words may quote files, and stay here."""
    named = getattr(errors, end.error, None)
    known = isinstance(named, type) and issubclass(named, errors.IlwError)
    return named if known else OSError


def train_feedback(request: Train.Goal, now: Progress) -> Train.Feedback:
    """Return the feedback that says where training is."""
    return Train.Feedback(update=now.update, updates=now.updates, loss=now.loss,
                          success_ratio=now.success_ratio)


def train_result(goal: Any, end: ChildEnd) -> Train.Result:
    """Close a training goal."""
    if goal.is_cancel_requested:
        goal.canceled()
        return Train.Result(error_code=Train.Result.ERROR_CANCELLED, success_ratio=math.nan)
    summary = end.result
    if not isinstance(summary, TrainSummary):
        goal.abort()
        asked = goal.request.demonstrations
        code, line = answer_of(_error(end), asked, _TRAIN_CODES, _TRAIN.ERROR_FAILED)
        return Train.Result(error_code=code, error_msg=line, success_ratio=math.nan)
    goal.succeed()
    ratio = summary.success_ratio
    return Train.Result(checkpoint=summary.checkpoint,
                        success_ratio=math.nan if ratio is None else ratio)


def evaluate_feedback(request: Evaluate.Goal, now: EvalProgress) -> Evaluate.Feedback:
    """Return the feedback that says where an evaluation is."""
    return Evaluate.Feedback(success=now.success, done=now.done, episodes=request.episodes)


def evaluate_result(goal: Any, end: ChildEnd) -> Evaluate.Result:
    """Close an evaluation goal."""
    if goal.is_cancel_requested:
        goal.canceled()
        return Evaluate.Result(error_code=Evaluate.Result.ERROR_CANCELLED)
    score = end.result
    if not isinstance(score, EvalScore):
        goal.abort()
        asked = goal.request.checkpoint
        code, line = answer_of(_error(end), asked, _EVALUATE_CODES, _EVALUATE.ERROR_FAILED)
        return Evaluate.Result(error_code=code, error_msg=line)
    goal.succeed()
    return Evaluate.Result(success=score.success, episodes=score.n, wilson95=score.wilson95,
                           collisions=score.collisions)
