"""An ACT policy that LeRobot made drives the simulated arm: the real nodes over DDS."""

import json
from pathlib import Path
import subprocess
import tempfile

import numpy as np
import pytest

pytest.importorskip('rclpy')
from one_node import start_node
from test_an_arm_in_the_simulator import TASK, Watch

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_data.lerobot.environment import lerobot_python
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.nodes.policy_node import PolicyNode
from ilw_msgs.msg import ArbiterState
from ilw_sim.nodes.sim_node import SimNode
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode

PEER = Path(__file__).parents[1] / 'system' / 'lerobot_peer.py'


@pytest.mark.slow
def test_a_policy_of_lerobot_drives_the_arm_within_the_arbiters_limits(
        ros, monkeypatch, tmp_path, typed):
    contract = load_contract(config_file('tasks', TASK))
    low, high = contract.action.low, contract.action.high
    arm = contract.entry_names.index('gripper')
    shapes = {'observation.state': [arm],
              'observation.environment_state': [contract.obs_dim - arm],
              'action': [contract.action.dim]}
    with tempfile.TemporaryDirectory() as kept:
        subprocess.run([str(lerobot_python(print)), '-I', str(PEER), kept, 'act',
                        str(tmp_path / 'policy'), str(tmp_path / 'asked.npz'),
                        json.dumps(shapes), json.dumps(low.tolist()), json.dumps(high.tolist())],
                       check=True)
    code, _, err = typed('lerobot', 'policy', tmp_path / 'policy', '--task', TASK, '--out',
                         tmp_path / 'act', '--fps', contract.rate_hz)
    assert code == 0, err
    watch = Watch(ros)
    start_node(ros, monkeypatch, SimNode, contract=TASK, use_sim_time=False,
               real_time_factor=0.0, command_wait_s=10.0, seed=1)
    start_node(ros, monkeypatch, ArbiterNode, contract=TASK, armed_at_start=True)
    start_node(ros, monkeypatch, PolicyNode, contract=TASK, checkpoint=tmp_path / 'act')
    ros.until(lambda: watch.node.count_subscribers('policy/action') >= 2, 60, 'policy and arbiter')
    watch.begin(3)
    ros.until(lambda: sum(state.source == ArbiterState.SOURCE_POLICY
                          for state in watch.states) > 20, 90, 'the policy to drive')
    assert watch.actions[-1].horizon == load_checkpoint(tmp_path / 'act').horizon
    driven = np.array([state.applied for state in watch.states
                       if state.source == ArbiterState.SOURCE_POLICY])
    assert (driven >= low - 1e-9).all() and (driven <= high + 1e-9).all()
    assert any(twist.twist.linear.x or twist.twist.linear.z for twist in watch.twists)
