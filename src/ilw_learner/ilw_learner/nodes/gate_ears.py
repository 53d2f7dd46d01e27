"""What a policy that asks for help hears: whether a person drives, and what."""

from pathlib import Path

import numpy as np
from rclpy.lifecycle import LifecycleNode

from ilw_core.contract.file import Contract
from ilw_learner.asking.gate_folder import load_gate
from ilw_learner.asking.robot_gate import RobotGate
from ilw_msgs.msg import ArbiterState
from ilw_ros import qos


def hearing_gate(node: LifecycleNode, folder: str, contract: Contract) -> RobotGate | None:
    """Return the gate in a folder, told of each decision; ``None``: no folder is named."""
    if not folder:
        return None
    gate = load_gate(Path(folder), contract)

    def on_state(state: ArbiterState) -> None:
        person = state.source == ArbiterState.SOURCE_PERSON
        gate.hear(np.array(state.applied) if person else None)

    node.create_subscription(ArbiterState, 'arbiter/state', on_state, qos.EVENT)
    return gate
