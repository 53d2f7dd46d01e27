"""The policy node over real DDS: one action per tick, swaps, refusals, lifecycle."""

from contextlib import contextmanager
from pathlib import Path
import threading
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from nav_msgs.msg import Odometry
from one_node import start_node
from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import LaserScan
from std_srvs.srv import Trigger

from ilw_core.align import Observation as Seen
from ilw_core.errors import IlwError
from ilw_learner.checkpoint.folder import save_checkpoint, sign_checkpoint
from ilw_learner.checkpoint.signing import load_signing_key, make_key_pair
from ilw_learner.nodes.policy_node import PolicyNode
from ilw_learner.nodes.policy_services import PolicyServices
from ilw_learner.runtime.runner import PolicyRunner
from ilw_msgs.action import RunPolicy
from ilw_msgs.msg import ActionChunk, EpisodeEvent, Observation, PolicyStatus
from ilw_msgs.srv import LoadPolicy
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.qos import EVENT, LATCHED, REQUEST, STATE_OFFER

P = 100_000_000


class Bench:
    """A maze robot reduced to its odometry, and an ear for what the policy says."""

    def __init__(self, ros, contract):
        self.ros, self.contract = ros, contract
        self.node = node = ros.add(Node('bench'))
        self.odom = node.create_publisher(Odometry, 'odom', STATE_OFFER)
        self.event = node.create_publisher(EpisodeEvent, 'episode/event', EVENT)
        self.actions, self.seen, self.statuses = [], [], []
        hear = node.create_subscription
        hear(ActionChunk, 'policy/action', self.actions.append, REQUEST)
        hear(Observation, 'policy/observation', self.seen.append, EVENT)
        hear(PolicyStatus, 'policy/status', self.statuses.append, EVENT)
        self.now = 1000 * P

    def matched(self):
        self.ros.until(lambda: self.odom.get_subscription_count()
                       and self.event.get_subscription_count()
                       and self.node.count_publishers('policy/action'), 20, 'the policy node')

    def tick(self, x=1.0):
        self.now += P
        message = Odometry()
        message.header.stamp = time_msg(self.now)
        message.pose.pose.position.x = x
        message.pose.pose.orientation.w = 1.0
        self.odom.publish(message)

    def acted(self):
        """Wait for the action of the present tick and return it."""
        self.ros.until(lambda: self.actions and stamp_ns(self.actions[-1].header.stamp)
                       == self.now, 10, f'an action for {self.now}')
        return self.actions[-1]

    def mark(self, kind, **more):
        event = EpisodeEvent(kind=kind, **more)
        event.header.stamp = time_msg(self.now)
        self.event.publish(event)

    def call(self, kind, name, request):
        client = self.node.create_client(kind, name)
        self.ros.until(client.service_is_ready, 20, name)
        future = client.call_async(request)
        self.ros.until(future.done, 20, f'an answer of {name}')
        self.node.destroy_client(client)
        return future.result()

    def change(self, transition):
        return self.call(ChangeState, 'policy/change_state',
                         ChangeState.Request(transition=Transition(id=transition))).success

    def state(self):
        return self.call(GetState, 'policy/get_state', GetState.Request()).current_state.id


def start_policy(ros, monkeypatch, **parameters):
    """Make the node as its process would, with parameters from the command line."""
    return start_node(ros, monkeypatch, PolicyNode, **{'contract': 'maze', **parameters})


def still_graph(contract):
    """Return a network whose action is zero whatever it sees."""
    from onnx import TensorProto, helper

    values = helper.make_tensor_value_info
    indices = helper.make_tensor('pair', TensorProto.INT64, [2], [0, 1])
    nodes = [helper.make_node('Gather', ['observation', 'pair'], ['two'], axis=2),
             helper.make_node('Sub', ['two', 'two'], ['action'])]
    made = helper.make_graph(
        nodes, 'still', [values('observation', TensorProto.FLOAT, ['B', 1, contract.obs_dim])],
        [values('action', TensorProto.FLOAT, ['B', 1, 2])], [indices])
    return helper.make_model(made, opset_imports=[helper.make_opsetid('', 13)],
                             ir_version=8).SerializeToString()


@pytest.fixture
def bench(maze, ros):
    return Bench(ros, maze)


def test_every_tick_gets_one_action_stamped_with_it(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch, checkpoint='random')
    bench.matched()
    for i in range(15):
        bench.tick(x=0.1 * i)
        chunk = bench.acted()
        assert stamp_ns(chunk.observation_stamp) == bench.now
        assert (chunk.source, chunk.active) == (ActionChunk.SOURCE_POLICY, True)
        assert chunk.contract_hash == bench.contract.hash
        assert list(chunk.names) == list(bench.contract.action.names)
        assert list(chunk.values) in bench.contract.action.table.tolist()
    ros.until(lambda: len(bench.seen) == 15)
    assert [stamp_ns(a.header.stamp) for a in bench.actions] == [
        bench.now - k * P for k in reversed(range(15))]
    assert [a.step for a in bench.actions] == list(range(15))
    assert np.allclose([s.values[0] for s in bench.seen], 0.1 * np.arange(15))


def test_an_algorithm_that_is_one_file_drives_through_the_same_node(
        bench, ros, monkeypatch, bags, tmp_path):
    from ilw_learner.cli import train

    page = Path(__file__).resolve().parents[2] / 'docs/how-to/add_an_algorithm.md'
    (tmp_path / 'linear.py').write_text(
        page.read_text().split('```python')[1].split('```')[0])
    for number in range(3):
        bags.write(tmp_path / 'demos' / f'{number}', ticks=40, drive=lambda i: (0.4, 0.0),
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
    train.main(['--task', 'maze', '--demos', str(tmp_path / 'demos'), '--algo-file',
                str(tmp_path / 'linear.py'), '--env', 'none', '--out', str(tmp_path / 'run')],
               standalone_mode=False)
    start_policy(ros, monkeypatch, checkpoint=str(tmp_path / 'run/checkpoint'))
    alone = PolicyRunner(tmp_path / 'run/checkpoint', bench.contract)
    bench.matched()
    for i in range(5):
        bench.tick(x=0.1 * i)
        chunk = bench.acted()
        assert stamp_ns(chunk.observation_stamp) == bench.now
        ros.until(lambda: bench.seen and stamp_ns(bench.seen[-1].header.stamp) == bench.now, 10)
        seen = np.asarray(bench.seen[-1].values, dtype=np.float32)
        alone.observe(Seen(bench.now, seen, np.ones(len(seen), dtype=bool), 0))
        assert list(chunk.values) == alone.act()[0][0].tolist()


def test_a_new_episode_restarts_the_steps_and_names_itself(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    bench.matched()
    for _ in range(3):
        bench.tick()
        bench.acted()
    assert bench.actions[-1].step == 2
    bench.now += 20 * P + 7  # a simulator's new world is ahead in time, on another grid
    bench.mark(EpisodeEvent.KIND_RESET, episode='second')
    bench.tick()
    assert bench.acted().step == 0

    def named():
        bench.tick()
        return bench.acted().episode == 'second'

    ros.until(named, 10, 'the name of the episode')


def test_a_goal_sent_before_a_tick_counts_for_it_however_they_are_taken(
        bench, ros, monkeypatch, clutter):
    policy = start_policy(ros, monkeypatch, contract='clutter')
    goal = bench.node.create_publisher(PoseStamped, 'goal', LATCHED)
    scan = bench.node.create_publisher(LaserScan, 'scan', STATE_OFFER)
    bench.matched()

    def send_goal(distance_m):
        message = PoseStamped()
        message.header.stamp = time_msg(bench.now + P)
        message.pose.position.x = distance_m
        goal.publish(message)

    def tick():
        ranges = [1.0] * 36
        message = LaserScan(angle_min=-3.0, angle_increment=0.17, range_min=0.1, ranges=ranges)
        message.header.stamp = time_msg(bench.now + P)
        scan.publish(message)
        bench.tick(x=0.0)

    at = clutter.obs_names.index('goal.distance_m')
    # The subscription of a latched topic is made anew, so it ends up behind the others.
    ros.until(lambda: [s.topic_name for s in policy.subscriptions][-1] == '/goal', 10)
    ros.until(lambda: scan.get_subscription_count() and goal.get_subscription_count(), 10)
    send_goal(1.0)
    tick()
    ros.until(lambda: bench.seen, 10, 'the first observation')
    for distance_m in (2.0, 3.0, 4.0, 5.0, 6.0):
        send_goal(distance_m)
        assert goal.wait_for_all_acked(Duration(seconds=5))
        tick()
        ros.until(lambda: stamp_ns(bench.seen[-1].header.stamp) == bench.now, 10)
        assert bench.seen[-1].values[at] == distance_m


def test_a_missing_observation_means_no_action_and_a_reason(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    bench.matched()
    bench.tick(x=float('nan'))
    ros.until(lambda: bench.seen and bench.statuses, 10, 'a status')
    ros.until(lambda: any('pose.x_m' in s.reason for s in bench.statuses), 10, 'the reason')
    assert not bench.actions
    assert list(bench.seen[-1].valid) == [False, True, True, True]
    bench.tick(x=1.0)
    bench.acted()


def test_another_policy_is_loaded_between_ticks_and_what_is_none_is_refused(
        bench, ros, monkeypatch, tmp_path):
    start_policy(ros, monkeypatch, checkpoints=tmp_path)
    bench.matched()
    bench.tick()
    assert list(bench.acted().values) == [0.0, 0.0]
    answer = bench.call(LoadPolicy, 'policy/load', LoadPolicy.Request(checkpoint=str(tmp_path)))
    assert answer.error_code == LoadPolicy.Response.ERROR_INVALID
    assert 'not a checkpoint' in answer.error_msg
    bench.tick()
    assert list(bench.acted().values) == [0.0, 0.0], 'the old one drives on'
    answer = bench.call(LoadPolicy, 'policy/load', LoadPolicy.Request(checkpoint='random', seed=1))
    assert (answer.error_code, answer.checkpoint_hash) == (0, 'random')
    for _ in range(20):
        bench.tick()
        bench.acted()
    assert len({tuple(a.values) for a in bench.actions[2:]}) > 1


def test_a_node_with_trusted_keys_takes_what_they_signed_also_on_a_swap(
        bench, ros, monkeypatch, tmp_path, maze):
    pytest.importorskip('onnx')
    checkpoint = save_checkpoint(
        tmp_path / 'c', maze, {'history': 1, 'horizon': 1},
        {'policy.onnx': still_graph(maze), 'weights.safetensors': b''}).path
    private, _ = make_key_pair(tmp_path / 'trusted' / 'alice')
    trusted = str(tmp_path / 'trusted')
    with pytest.raises(IlwError, match='not signed'):
        start_policy(ros, monkeypatch, checkpoint=str(checkpoint), trusted_keys=trusted)
    start_policy(ros, monkeypatch, checkpoint='idle', trusted_keys=trusted, checkpoints=tmp_path)
    bench.matched()

    def load(name):
        return bench.call(LoadPolicy, 'policy/load', LoadPolicy.Request(checkpoint=str(name)))

    def driver():
        """Return the hash of what acts at the next tick."""
        bench.tick()
        bench.acted()
        ros.until(lambda: bench.statuses and bench.statuses[-1].acting and stamp_ns(
            bench.statuses[-1].header.stamp) == bench.now, 10, 'the status')
        return bench.statuses[-1].checkpoint

    for name in (checkpoint, 'random'):
        answer = load(name)
        assert answer.error_code == LoadPolicy.Response.ERROR_INVALID
        assert 'signed' in answer.error_msg
    sign_checkpoint(checkpoint, load_signing_key(private))
    assert load(checkpoint).error_msg == ''
    assert len(swapped := driver()) == 64
    with (checkpoint / 'policy.yaml').open('a') as stream:
        stream.write('#')
    assert 'changed after it was signed' in load(checkpoint).error_msg
    assert driver() == swapped, 'the one that was signed drives on'


def test_ticks_go_on_while_a_slow_checkpoint_is_read(bench, ros, monkeypatch):
    import ilw_learner.nodes.policy_node as module

    node = start_policy(ros, monkeypatch, checkpoint='idle')
    bench.matched()
    bench.tick()
    bench.acted()
    make, release = module.PolicyRunner, threading.Event()

    def slow(*given, **more):
        assert release.wait(20)
        return make(*given, **more)

    monkeypatch.setattr(module, 'PolicyRunner', slow)
    client = bench.node.create_client(LoadPolicy, 'policy/load')
    ros.until(client.service_is_ready, 20)
    answer = client.call_async(LoadPolicy.Request(checkpoint='random', seed=3))
    for _ in range(20):
        bench.tick()
        assert list(bench.acted().values) == [0.0, 0.0]
    assert not answer.done()
    release.set()
    ros.until(answer.done, 10, 'the answer')
    assert answer.result().error_code == LoadPolicy.Response.ERROR_NONE
    for _ in range(20):
        bench.tick()
        bench.acted()
    assert any(any(a.values) for a in bench.actions[-20:])
    stamps = [stamp_ns(a.header.stamp) for a in bench.actions]
    assert np.all(np.diff(stamps) == P)
    assert node._worker.runner.name == 'random'


def test_impossible_transitions_are_refused_and_possible_ones_still_work(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch, autostart=False)
    ros.until(lambda: bench.node.count_publishers('policy/action'), 20)
    assert not bench.change(Transition.TRANSITION_ACTIVATE)
    assert not bench.change(99)
    assert bench.state() == State.PRIMARY_STATE_UNCONFIGURED
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
                       Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP,
                       Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        assert bench.change(transition), transition
    assert not bench.change(Transition.TRANSITION_CONFIGURE)
    assert bench.state() == State.PRIMARY_STATE_ACTIVE
    bench.matched()
    bench.tick()
    bench.acted()


def test_an_inactive_node_stays_silent(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    bench.matched()
    bench.tick()
    bench.acted()
    assert bench.change(Transition.TRANSITION_DEACTIVATE)
    bench.tick()
    for _ in range(40):  # take in the tick while inactive: topics and services are not ordered
        ros.executor.spin_once(timeout_sec=0.02)
    assert bench.change(Transition.TRANSITION_ACTIVATE)
    bench.tick()
    bench.acted()
    assert len(bench.actions) == 2


def test_a_run_ends_with_the_episode_and_tells_how(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    bench.matched()
    client = ActionClient(bench.node, RunPolicy, 'policy/run')
    ros.until(client.server_is_ready, 20)
    goal = client.send_goal_async(RunPolicy.Goal())
    ros.until(goal.done, 10)
    assert goal.result().accepted
    second = client.send_goal_async(RunPolicy.Goal())
    ros.until(second.done, 10)
    assert not second.result().accepted, 'one run at a time'
    result = goal.result().get_result_async()
    for _ in range(4):
        bench.tick()
        bench.acted()
    bench.mark(EpisodeEvent.KIND_STOP, outcome=EpisodeEvent.OUTCOME_SUCCESS, stop_reason='goal')
    ros.until(result.done, 10, 'the result')
    answer = result.result().result
    assert (answer.outcome, answer.stop_reason) == (EpisodeEvent.OUTCOME_SUCCESS, 'goal')
    assert answer.steps == 4
    client.destroy()


class Arbiter:
    """An ``arbiter/disarm`` that answers, and tells when it was asked."""

    def __init__(self, bench):
        self.bench, self.disarmed = bench, 0
        bench.node.create_service(Trigger, 'arbiter/disarm', self._on_disarm)

    def _on_disarm(self, _, answer):
        self.disarmed += 1
        answer.success = True
        return answer


@contextmanager
def running(bench, ros, **goal):
    """Run a policy; yields the handle of the goal and the future of its result."""
    client = ActionClient(bench.node, RunPolicy, 'policy/run')
    ros.until(client.server_is_ready, 20)
    sent = client.send_goal_async(RunPolicy.Goal(**goal))
    ros.until(sent.done, 10)
    assert sent.result().accepted
    yield sent.result(), sent.result().get_result_async()
    client.destroy()


def quiet(bench, ros, ticks=5):
    """Let time go on and return what was asked meanwhile; each tick is seen."""
    before = len(bench.actions)
    for _ in range(ticks):
        bench.tick()
        ros.until(lambda: bench.seen and stamp_ns(bench.seen[-1].header.stamp) == bench.now, 10)
    return [a for a in bench.actions[before:] if a.active]


def test_a_cancelled_run_is_silent_at_once_and_disarms_before_its_result(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    arbiter = Arbiter(bench)
    bench.matched()
    with running(bench, ros) as (goal, result):
        bench.tick()
        bench.acted()
        cancelled = goal.cancel_goal_async()
        ros.until(lambda: not bench.actions[-1].active, 10, 'the word that nothing is asked')
        assert quiet(bench, ros, 1) == [] or arbiter.disarmed
        ros.until(result.done, 10, 'the result')
        assert cancelled.done() and arbiter.disarmed
        assert result.result().status == GoalStatus.STATUS_CANCELED
        assert result.result().result.stop_reason == 'operator'
        assert result.result().result.error_msg == ''
    bench.tick()
    assert bench.acted().active, 'disarmed, it shows again what it would do'


def test_a_run_whose_time_is_over_disarms(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    arbiter = Arbiter(bench)
    clock = bench.node.create_publisher(Clock, '/clock', STATE_OFFER)
    bench.matched()
    ros.until(clock.get_subscription_count, 10)

    def tick():
        bench.tick()
        clock.publish(Clock(clock=time_msg(bench.now)))
        bench.acted()

    tick()
    with running(bench, ros, timeout_s=0.95) as (_, result):
        for _ in range(9):
            tick()
        assert not result.done() and not arbiter.disarmed
        bench.now += P
        clock.publish(Clock(clock=time_msg(bench.now)))
        ros.until(result.done, 10, 'the result')
        assert (result.result().result.stop_reason, arbiter.disarmed) == ('timeout', 1)
        assert result.result().status == GoalStatus.STATUS_SUCCEEDED
    assert not bench.actions[-1].active


def test_a_clock_that_stands_still_does_not_stretch_the_time_of_a_run(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    arbiter = Arbiter(bench)
    bench.matched()
    with running(bench, ros, timeout_s=0.3) as (_, result):
        ros.until(result.done, 10, 'the result')
    assert result.result().result.stop_reason == 'timeout'
    assert arbiter.disarmed


def test_without_an_arbiter_a_cancelled_run_stays_silent_and_says_so(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    bench.matched()
    with running(bench, ros) as (goal, result):
        bench.tick()
        bench.acted()
        goal.cancel_goal_async()
        ros.until(result.done, 10, 'the result')
        assert 'does not answer' in result.result().result.error_msg
    assert quiet(bench, ros) == []
    ros.until(lambda: 'cancelled; silent until arbiter/disarm' in bench.statuses[-1].reason, 10)
    assert bench.call(LoadPolicy, 'policy/load',
                      LoadPolicy.Request(checkpoint='idle')).error_code == 0
    bench.tick()
    assert bench.acted().active, 'somebody wants it to act again'


def test_a_policy_without_its_arbiter_acts_again_when_it_is_run_again(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    bench.matched()
    with running(bench, ros) as (goal, result):
        goal.cancel_goal_async()
        ros.until(result.done, 10, 'the result')
    assert quiet(bench, ros) == []
    with running(bench, ros):
        bench.tick()
        assert bench.acted().active


def test_a_deactivated_node_ends_its_run_and_disarms(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch)
    arbiter = Arbiter(bench)
    bench.matched()
    with running(bench, ros) as (_, result):
        bench.tick()
        bench.acted()
        assert bench.change(Transition.TRANSITION_DEACTIVATE)
        ros.until(result.done, 10, 'the result')
    assert not bench.actions[-1].active
    assert arbiter.disarmed
    assert result.result().status == GoalStatus.STATUS_ABORTED
    assert result.result().result.error_code == RunPolicy.Result.ERROR_INACTIVE


def test_a_run_cancelled_while_its_checkpoint_is_read_never_drives(bench, ros, monkeypatch):
    import ilw_learner.nodes.policy_node as module

    node = start_policy(ros, monkeypatch, checkpoint='idle')
    arbiter = Arbiter(bench)
    bench.matched()
    make, release = module.PolicyRunner, threading.Event()

    def slow(*given, **more):
        assert release.wait(20)
        return make(*given, **more)

    monkeypatch.setattr(module, 'PolicyRunner', slow)
    with running(bench, ros, checkpoint='random') as (goal, result):
        cancelled = goal.cancel_goal_async()
        ros.until(lambda: cancelled.done() and arbiter.disarmed, 10)
        release.set()
        ros.until(result.done, 10, 'the result')
    assert result.result().status == GoalStatus.STATUS_CANCELED
    assert node._worker.runner.name == 'idle'


def test_a_run_that_loads_right_after_one_that_timed_out_has_its_own_time(bench, ros, monkeypatch):
    import ilw_learner.nodes.policy_node as module

    node = start_policy(ros, monkeypatch, checkpoint='idle')
    arbiter = Arbiter(bench)
    bench.matched()
    make, release = module.PolicyRunner, threading.Event()

    def slow(*given, **more):
        assert release.wait(20)
        return make(*given, **more)

    monkeypatch.setattr(module, 'PolicyRunner', slow)
    with running(bench, ros, timeout_s=0.001) as (_, result):
        ros.until(result.done, 10, 'the first result')
    node._asked._timer.reset()  # as if the next goal came before the timer's last look
    with running(bench, ros, checkpoint='random') as (_, result):
        assert node._asked._timer.is_canceled()
        release.set()
        ros.until(lambda: node._worker.runner.name == 'random', 10)
        assert not result.done()
        assert arbiter.disarmed == 1


@pytest.mark.parametrize('timeout_s', [float('nan'), -1.0, float('-inf')])
def test_a_run_for_no_time_is_refused_with_its_reason(bench, ros, monkeypatch, timeout_s):
    start_policy(ros, monkeypatch)
    with running(bench, ros, timeout_s=timeout_s) as (_, result):
        ros.until(result.done, 10, 'the result')
    assert result.result().result.error_code == RunPolicy.Result.ERROR_REQUEST
    assert 'timeout_s must be' in result.result().result.error_msg


def test_a_chunk_that_still_lasts_is_taken_back_when_the_node_is_deactivated(
        bench, ros, monkeypatch):
    node = start_policy(ros, monkeypatch)
    bench.matched()
    node._worker.runner.act = lambda: (np.full((5, 2), 0.25), '')
    bench.tick()
    assert bench.acted().horizon == 5
    assert bench.change(Transition.TRANSITION_DEACTIVATE)
    ros.until(lambda: not bench.actions[-1].active, 10, 'the word that nothing is asked')
    assert bench.actions[-1].source == ActionChunk.SOURCE_POLICY


def test_a_policy_that_ends_takes_back_what_it_asked(bench, ros, monkeypatch):
    node = start_policy(ros, monkeypatch)
    bench.matched()
    bench.tick()
    bench.acted()
    node.farewell()
    ros.until(lambda: not bench.actions[-1].active, 10, 'the word that nothing is asked')
    assert quiet(bench, ros) == []


def test_a_run_on_an_inactive_node_is_refused_with_its_reason(bench, ros, monkeypatch):
    start_policy(ros, monkeypatch, autostart=False)
    client = ActionClient(bench.node, RunPolicy, 'policy/run')
    ros.until(client.server_is_ready, 20)
    goal = client.send_goal_async(RunPolicy.Goal())
    ros.until(goal.done, 10)
    result = goal.result().get_result_async()
    ros.until(result.done, 10)
    assert result.result().result.error_code == RunPolicy.Result.ERROR_INACTIVE
    client.destroy()


def test_a_checkpoint_that_is_none_stops_the_start_with_one_line(bench, ros, monkeypatch,
                                                                 tmp_path):
    with pytest.raises(IlwError, match='not a checkpoint'):
        start_policy(ros, monkeypatch, checkpoint=tmp_path)


def test_a_run_that_ends_while_its_feedback_is_sent_does_not_end_the_thread_that_thinks():
    sent = []

    class Ending(PolicyServices):  # the main thread ends the run after the first look at it
        _goals, _steps = [SimpleNamespace(is_active=True, publish_feedback=sent.append)], 0

        def __init__(self):
            pass

        @property
        def _goal(self):
            return self._goals.pop() if self._goals else None

    Ending().on_status(PolicyStatus(acting=True))
    assert [feedback.status.acting for feedback in sent] == [True]
