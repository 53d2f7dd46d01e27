"""The trainer node: an action that trains in another process, fails clearly, can be cancelled."""

import pytest

pytest.importorskip('rclpy')
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node

from ilw_learner.nodes.trainer_node import TrainerNode
from ilw_msgs.action import Train


@pytest.fixture
def trainer(monkeypatch, request, tmp_path):
    monkeypatch.setenv('ROS_DOMAIN_ID', '41')
    ros = request.getfixturevalue('ros')
    init = Node.__init__
    arguments = ['--ros-args', '-p', 'contract:=maze', '-p', 'env:=none',
                 '-p', f'runs:={tmp_path / "runs"}']
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


def test_demonstrations_that_are_not_there_fail_with_their_reason(trainer, ros, tmp_path):
    client, handle = ask(ros, Train.Goal(demonstrations=str(tmp_path / 'absent')))
    result = handle.get_result_async()
    ros.until(result.done, 60, 'the end')
    answer = result.result()
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == Train.Result.ERROR_DATA
    assert 'absent' in answer.result.error_msg
    client.destroy()


def test_cancelling_ends_the_training_process_and_frees_the_node(trainer, ros, tmp_path):
    client, handle = ask(ros, Train.Goal(demonstrations=str(tmp_path / 'absent')))
    process = trainer._child._process
    cancel = handle.cancel_goal_async()
    ros.until(cancel.done, 10)
    result = handle.get_result_async()
    ros.until(result.done, 60, 'the end')
    assert result.result().result.error_code == Train.Result.ERROR_CANCELLED
    assert process.poll() is not None
    assert trainer._child is None
    client.destroy()
