"""
The simulated arm from the first key press to a policy that drives: the real nodes over DDS.

An expert with a gamepad in its hands drives and is recorded; the episodes are checked and trained
on; the policy drives the same arm through the same arbiter.
"""

from geometry_msgs.msg import TwistStamped
import numpy as np
import pytest

pytest.importorskip('rclpy')
from one_node import start_node
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from ilw_core.contract.file import load_contract
from ilw_core.episode import Outcome
from ilw_core.storage.episode_folder import find_episodes
from ilw_core.storage.locate import config_file
from ilw_data.commands.episodes import episodes as episodes_command
from ilw_data.episode.dataset import load_episode
from ilw_learner.cli import train as train_command
from ilw_learner.nodes.policy_node import PolicyNode
from ilw_msgs.msg import ActionChunk, ArbiterState, EpisodeEvent, EpisodeStatus
from ilw_msgs.srv import ResetSim, StartEpisode
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, LATCHED, REQUEST
from ilw_sim.nodes.expert_node import ExpertNode
from ilw_sim.nodes.sim_node import SimNode
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode
from ilw_teleop.nodes.person.teleop_node import TeleopNode
from ilw_teleop.nodes.recorder.recorder_node import RecorderNode

TASK = 'lift_state'


class Watch:
    """Hears what the arm is told, and asks for episodes."""

    def __init__(self, ros):
        self.ros, self.node = ros, ros.add(Node('watch'))
        self.twists, self.fingers, self.states, self.statuses = [], [], [], []
        self.actions, self.events, self.urdf, self.trajectories = [], [], [], []
        for kind, topic, heard, qos in (
                (TwistStamped, 'delta_twist_cmds', self.twists, REQUEST),
                (Float64MultiArray, 'gripper_controller/commands', self.fingers, REQUEST),
                (JointTrajectory, 'arm_controller/joint_trajectory', self.trajectories, REQUEST),
                (ArbiterState, 'arbiter/state', self.states, EVENT),
                (ActionChunk, 'policy/action', self.actions, REQUEST),
                (EpisodeEvent, 'episode/event', self.events, EVENT),
                (EpisodeStatus, 'episode/status', self.statuses, LATCHED),
                (String, 'robot_description', self.urdf, LATCHED)):
            self.node.create_subscription(kind, topic, heard.append, qos)

    def begin(self, seed):
        """Begin an episode in the world of a seed."""
        client = self.node.create_client(ResetSim, 'sim/reset')
        self.ros.until(client.service_is_ready, 30, 'the simulator')
        future = client.call_async(ResetSim.Request(seed=seed))
        self.ros.until(future.done, 30, 'a new episode')
        assert future.result().error_code == 0

    def record(self):
        """Begin a recording once the recorder is ready."""
        self.ros.until(lambda: self.statuses and self.statuses[-1].phase
                       == EpisodeStatus.PHASE_READY, 60, 'the recorder')
        client = self.node.create_client(StartEpisode, 'record/start')
        self.ros.until(client.service_is_ready, 30, 'the recorder')
        future = client.call_async(StartEpisode.Request(operator_name='scripted expert'))
        self.ros.until(future.done, 30, 'a recording')
        assert future.result().error_code == 0, future.result().error_msg

    def ended(self):
        return [event for event in self.events if event.sender == 'sim'
                and event.kind == EpisodeEvent.KIND_STOP]


def leave(ros, node):
    """End a node as its process would."""
    ros.executor.remove_node(node)
    ros.nodes.remove(node)
    if hasattr(node, 'farewell'):
        node.farewell()
    node.destroy_node()


@pytest.mark.long
def test_from_the_first_key_press_to_a_policy_that_drives(ros, monkeypatch, tmp_path, run):
    contract, demos = load_contract(config_file('tasks', TASK)), tmp_path / 'demos'
    watch = Watch(ros)
    start_node(ros, monkeypatch, SimNode, contract=TASK, use_sim_time=False,
               real_time_factor=0.0, command_wait_s=10.0, seed=1)
    start_node(ros, monkeypatch, TeleopNode, contract=TASK)
    arbiter = start_node(ros, monkeypatch, ArbiterNode, contract=TASK)
    start_node(ros, monkeypatch, RecorderNode, contract=TASK, root=demos)
    expert = start_node(ros, monkeypatch, ExpertNode, contract=TASK)

    for seed in (1, 2):
        done = len(watch.ended())
        watch.record()
        watch.begin(seed)
        ros.until(lambda done=done: len(watch.ended()) > done, 120, 'the cube to be lifted')
        ros.until(lambda seed=seed: len(find_episodes(demos)) == seed, 30, 'the episode')
    reasons = [event.stop_reason for event in watch.ended()]
    driven = [stamp_ns(state.header.stamp) for state in watch.states
              if state.source == ArbiterState.SOURCE_PERSON]
    steps = np.diff([stamp for stamp in driven if stamp > driven[0]])
    assert np.median(steps) == contract.period_ns  # each tick has a decision of its own
    assert {each.outcome for each in find_episodes(demos)} == {Outcome.SUCCESS}, reasons
    assert {twist.header.frame_id for twist in watch.twists} == {'panda_link0'}
    assert {round(each.data[0], 3) for each in watch.fingers} >= {0.0, 0.04}
    assert 'panda_joint7' in watch.urdf[0].data

    episode = load_episode(find_episodes(demos)[0].path, contract)
    assert episode.actions.shape[1] == 5
    assert np.ptp(episode.obs[:, contract.obs_names.index('height.value_m')]) > 0.08
    code, said, more = run(episodes_command, 'check', demos, '--task', TASK)
    assert code in (0, 1), said + more
    assert '2' in said

    config = tmp_path / 'short.yaml'
    config.write_text('algorithm: bc\nupdates: 200\nbatch: 32\nhidden: 32\ncandidates: 1\n')
    code, said, more = run(train_command, '--task', TASK, '--demos', demos, '--out',
                           tmp_path / 'run', '--env', 'none', '--config', config)
    assert code == 0, said + more
    checkpoint = next((tmp_path / 'run').rglob('policy.onnx')).parent

    for node in (expert, arbiter):
        leave(ros, node)
    watch.twists.clear()
    start_node(ros, monkeypatch, ArbiterNode, contract=TASK, armed_at_start=True)
    start_node(ros, monkeypatch, PolicyNode, contract=TASK, checkpoint=checkpoint)
    ros.until(lambda: watch.node.count_subscribers('policy/action') >= 2, 60, 'policy and arbiter')
    watch.begin(3)
    ros.until(lambda: any(state.source == ArbiterState.SOURCE_POLICY for state in watch.states)
              and len([t for t in watch.twists if t.twist.linear.x or t.twist.linear.z]) > 5,
              90, 'the policy to drive')
    assert np.isfinite(watch.actions[-1].values).all()
    low, high = contract.action.low, contract.action.high
    for twist in watch.twists:
        v, w = twist.twist.linear, twist.twist.angular
        told = np.array([v.x, v.y, v.z, w.z])
        assert (told >= low[:4] - 1e-9).all()
        assert (told <= high[:4] + 1e-9).all()


@pytest.mark.long
@pytest.mark.parametrize('task', ['reach_joints', 'pick_place_state'])
def test_an_expert_with_a_gamepad_solves_the_other_tasks_over_the_nodes(ros, monkeypatch, task):
    contract = load_contract(config_file('tasks', task))
    watch = Watch(ros)
    start_node(ros, monkeypatch, SimNode, contract=task, use_sim_time=False,
               real_time_factor=0.0, command_wait_s=10.0, seed=1)
    for node in (TeleopNode, ArbiterNode):
        start_node(ros, monkeypatch, node, contract=task)
    start_node(ros, monkeypatch, ExpertNode, contract=task)
    ros.until(lambda: watch.node.count_publishers('arbiter/state') > 0, 60, 'the arbiter')
    for tried in range(1, 4):  # the first world may go by before everybody is there
        watch.begin(tried)
        done = len(watch.ended())
        ros.until(lambda done=done: len(watch.ended()) > done, 120, 'the end of an episode')
        if watch.ended()[-1].outcome == int(Outcome.SUCCESS):
            break
    assert watch.ended()[-1].outcome == int(Outcome.SUCCESS), watch.ended()[-1].stop_reason
    if task == 'reach_joints':
        assert len(watch.trajectories) > 10 and not watch.twists
        low, high = contract.action.low, contract.action.high
        for told in watch.trajectories:
            assert told.joint_names == [f'panda_joint{i}' for i in range(1, 8)]
            positions = np.array(told.points[0].positions)
            assert (positions >= low - 1e-9).all() and (positions <= high + 1e-9).all()
