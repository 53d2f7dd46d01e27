"""The same seed and commands give the same observation bits in the environment and over topics."""

import os
import time

import numpy as np
import pytest

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from ilw_core.align import Resampler
from ilw_core.contract.file import load_contract
from ilw_core.limits import limit
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import EpisodeEvent
from ilw_msgs.srv import GetSimState, ResetSim, SetSimState, StepSim
from ilw_ros.convert import message_class, stamp_ns, time_msg
from ilw_ros.qos import EVENT, LATCHED, REQUEST, STATE
from ilw_ros.transport import start_ros
from ilw_sim.env import make_env
from ilw_sim.nodes.sim_node import SimNode
from ilw_teleop.nodes.arbiter.command_message import CommandMessage

SEED = 11


class Driver(Node):
    """Observes through the resampler and answers each tick with the next of its commands."""

    def __init__(self, contract, commands):
        super().__init__('driver')
        self.contract, self.commands = contract, commands
        self.begin_ns, self.end = None, None
        self.observations = []
        self._held_ns = {s.name: -1 for s in contract.sources if s.align.how == 'hold'}
        self._resampler = Resampler(contract)
        self._messages = [CommandMessage(each) for each in contract.action.commands]
        self.publishers_of_commands = [
            self.create_publisher(message.kind, each.topic, REQUEST)
            for each, message in zip(contract.action.commands, self._messages, strict=True)]
        for source in contract.sources:
            qos = LATCHED if source.align.how == 'hold' else STATE
            self.create_subscription(
                message_class(source.type), source.topic,
                lambda m, name=source.name: self._on_message(name, m), qos)
        self.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)

    def _on_event(self, event):
        if event.kind == EpisodeEvent.KIND_RESET and event.episode == 'parity':
            self.begin_ns = stamp_ns(event.header.stamp)
            self.answer()
        if event.kind == EpisodeEvent.KIND_STOP:
            self.end = event

    def _on_message(self, name, message):
        self._resampler.push(name, stamp_ns(message.header.stamp), message)
        if name in self._held_ns:
            self._held_ns[name] = stamp_ns(message.header.stamp)
        self.answer()

    def answer(self):
        # DDS keeps no order between topics: a goal still on its way would be that of the world
        # before, which is held for any time.
        if self.begin_ns is None or any(at < self.begin_ns for at in self._held_ns.values()):
            return
        step = len(self.observations)
        tick_ns = self.begin_ns + step * self.contract.period_ns
        complete = self._resampler.complete_ns()
        if complete is None or complete < tick_ns or step > len(self.commands):
            return
        self.observations.append(self._resampler.observe(tick_ns))
        if step < len(self.commands):
            values = self.commands[step].tolist()
            for each, message, publisher in zip(
                    self.contract.action.commands, self._messages, self.publishers_of_commands,
                    strict=True):
                publisher.publish(message.fill(time_msg(tick_ns),
                                               [values[field] for field in each.fields]))


# The arm's commands come on two topics: a tick is not over when the first of them is there.
@pytest.fixture(params=[('clutter', ''), ('clutter', 'small_base'), ('maze', ''),
                        ('maze', 'small_base'), ('lift_state', ''), ('push_t_state', '')],
                ids=lambda case: '-'.join(filter(None, case)))
def case(request):
    return request.param


@pytest.fixture
def contract(case):
    return load_contract(config_file('tasks', case[0]))


@pytest.fixture
def plant(case):
    return case[1]


@pytest.fixture
def loop(contract, plant):
    """Return (driver, spin) around a running simulator."""
    rng = np.random.default_rng(2)
    spec = contract.action
    commands, last = [], np.zeros(spec.dim)
    for _ in range(30):
        wanted = (spec.table[rng.integers(len(spec.table))] if spec.discrete
                  else rng.uniform(spec.low, spec.high))
        last, _ = limit(spec, wanted, last, 1.0 / contract.rate_hz)
        commands.append(last)
    start_ros()
    executor = SingleThreadedExecutor()
    nodes = [SimNode(parameter_overrides=[
        Parameter('contract', value=contract.name), Parameter('real_time_factor', value=0.0),
        Parameter('command_wait_s', value=20.0), Parameter('plant', value=plant)]),
        Driver(contract, commands)]
    for node in nodes:
        executor.add_node(node)

    def spin(done, what, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
            executor.spin_once(timeout_sec=0.05)

    def call(kind, name, **fields):
        client = nodes[1].create_client(kind, name)
        spin(client.service_is_ready, name)
        future = client.call_async(kind.Request(**fields))
        spin(future.done, name)
        return future.result()

    spin(lambda: all(each.get_subscription_count() for each in nodes[1].publishers_of_commands)
         and nodes[1].count_publishers('episode/event') > 0, 'discovery')
    yield nodes[1], spin, call
    for node in nodes:
        node.destroy_node()
    executor.shutdown()
    rclpy.try_shutdown()


def test_environment_and_node_observe_the_same_bits(contract, plant, loop):
    driver, spin, call = loop
    reset = call(ResetSim, 'sim/reset', seed=SEED, episode='parity')
    assert (reset.error_code, reset.episode) == (0, 'parity')
    spin(lambda: len(driver.observations) > len(driver.commands) or driver.end, 'the drive')
    env = make_env(contract, plant=plant)
    expected = [env.reset(seed=SEED)[0]]
    for command in driver.commands[:len(driver.observations) - 1]:
        tick = env.simulation.step(command)
        expected.append(env._result(tick)[0])
    env.close()
    assert len(driver.observations) > 15
    for step, (seen, wanted) in enumerate(zip(driver.observations, expected, strict=True)):
        assert seen.valid.all(), f'step {step}'
        assert seen.values.tobytes() == wanted.tobytes(), f'step {step}'


def test_the_services_step_read_and_restore_a_state(contract, loop):
    _, _, call = loop
    call(ResetSim, 'sim/reset', seed=SEED, episode='by hand')
    stepped = call(StepSim, 'sim/step', ticks=5, action=[float(v) for v in contract.action.high])
    assert (stepped.error_code, stepped.ended) == (0, False)
    assert call(StepSim, 'sim/step', ticks=1, action=[1.0]).error_code == 2
    before = call(GetSimState, 'sim/get_state')
    call(StepSim, 'sim/step', ticks=3)
    moved = call(GetSimState, 'sim/get_state')
    assert moved.pose != before.pose
    assert call(SetSimState, 'sim/set_state', state=before.state).error_code == 0
    assert call(GetSimState, 'sim/get_state').pose == before.pose
    assert call(SetSimState, 'sim/set_state', state='{"schema": "other"}').error_code == 1
