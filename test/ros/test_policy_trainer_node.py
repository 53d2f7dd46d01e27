"""The trainer node: an action that trains in another process, fails clearly, can be cancelled."""

import pytest

pytest.importorskip('rclpy')
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node

from ilw_learner.nodes.trainer_node import TrainerNode
from ilw_msgs.action import Evaluate, Train


@pytest.fixture
def trainer(monkeypatch, request, ros, tmp_path):
    init = Node.__init__
    env = getattr(request, 'param', 'none')
    arguments = ['--ros-args', '-p', 'contract:=maze', '-p', f'env:={env}',
                 '-p', f'runs:={tmp_path / "runs"}', '-p', f'demonstrations:={tmp_path}',
                 '-p', f'configs:={tmp_path}', '-p', f'checkpoints:={tmp_path}']
    monkeypatch.setattr(Node, '__init__', lambda self, name, **more: init(
        self, name, cli_args=arguments, **more))
    node = ros.add(TrainerNode())
    monkeypatch.setattr(Node, '__init__', init)
    return node


def ask(ros, goal, on_feedback=lambda f: None):
    asker = ros.add(Node('asker'))
    client = ActionClient(asker, Train, 'train')
    ros.until(client.server_is_ready, 20, 'the trainer')
    sent = client.send_goal_async(goal, feedback_callback=on_feedback)
    ros.until(sent.done, 10, 'an answer')
    return client, sent.result()


def test_a_folder_without_demonstrations_fails_with_its_reason(trainer, ros, tmp_path):
    (tmp_path / 'empty').mkdir()
    client, handle = ask(ros, Train.Goal(demonstrations=str(tmp_path / 'empty')))
    result = handle.get_result_async()
    ros.until(result.done, 60, 'the end')
    answer = result.result()
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == Train.Result.ERROR_DATA
    assert 'empty' in answer.result.error_msg
    client.destroy()


def test_cancelling_ends_the_training_process_and_frees_the_node(trainer, ros, tmp_path):
    (tmp_path / 'empty').mkdir()
    client, handle = ask(ros, Train.Goal(demonstrations=str(tmp_path / 'empty')))
    process = trainer._child._process
    cancel = handle.cancel_goal_async()
    ros.until(cancel.done, 10)
    result = handle.get_result_async()
    ros.until(result.done, 60, 'the end')
    assert result.result().result.error_code == Train.Result.ERROR_CANCELLED
    assert process.poll() is not None
    assert trainer._child is None
    client.destroy()


@pytest.mark.parametrize('trainer', ['ilw_sim.env:make_env'], indirect=True)
def test_training_and_evaluating_over_ros_end_with_a_checkpoint_and_its_score(
        trainer, ros, bags, tmp_path):
    for number in range(2):
        bags.write(tmp_path / 'demos' / f'{number}', ticks=40,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
    config = tmp_path / 'short.yaml'
    config.write_text('algorithm: bc\nupdates: 200\nhidden: 16\ncandidates: 1\n'
                      'eval_episodes: 1\n')
    seen = []
    client, handle = ask(ros, Train.Goal(demonstrations=str(tmp_path / 'demos'),
                                         config=str(config)), seen.append)
    busy = client.send_goal_async(Train.Goal())
    ros.until(busy.done, 10)
    assert not busy.result().accepted
    result = handle.get_result_async()
    ros.until(result.done, 120, 'the end')
    trained = result.result().result
    assert trained.error_code == Train.Result.ERROR_NONE, trained.error_msg
    assert trained.success_ratio in (0.0, 1.0)
    assert seen and seen[-1].feedback.update == 200
    client.destroy()

    answer = evaluate(ros, Evaluate.Goal(checkpoint=trained.checkpoint, episodes=2, seed=7))
    assert (answer.error_code, answer.error_msg) == (Evaluate.Result.ERROR_NONE, '')
    assert answer.episodes == 2
    assert 0.0 <= answer.wilson95[0] <= answer.success / 2 <= answer.wilson95[1] <= 1.0

    nothing = evaluate(ros, Evaluate.Goal(checkpoint=str(tmp_path), episodes=2))
    assert nothing.error_code == Evaluate.Result.ERROR_NO_POLICY
    assert 'not a checkpoint' in nothing.error_msg


@pytest.mark.parametrize('trainer', ['none', 'no_such_module:make_env', 'ilw_sim.env:no_such',
                                     'ilw_sim.env'], indirect=True)
def test_an_evaluation_without_an_environment_says_so(trainer, ros):
    answer = evaluate(ros, Evaluate.Goal(checkpoint='idle', episodes=1))
    assert answer.error_code == Evaluate.Result.ERROR_NO_ENVIRONMENT
    assert 'parameter env' in answer.error_msg
    assert trainer._child is None, 'and the next goal is taken'


def evaluate(ros, goal):
    client = ActionClient(ros.add(Node('judge')), Evaluate, 'evaluate')
    ros.until(client.server_is_ready, 20, 'the trainer')
    sent = client.send_goal_async(goal)
    ros.until(sent.done, 10, 'an answer')
    result = sent.result().get_result_async()
    ros.until(result.done, 120, 'the end')
    client.destroy()
    return result.result().result
