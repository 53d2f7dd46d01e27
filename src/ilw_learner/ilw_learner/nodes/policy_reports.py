"""What the policy node tells the world: its action, what it saw, how it is."""

from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleNode

from ilw_core.align import Observation
from ilw_core.contract import Contract
from ilw_msgs import msg
from ilw_ros import health, qos
from ilw_ros.convert import time_msg


class PolicyReports:
    """The publishers of the policy node, and what they count."""

    def __init__(self, node: LifecycleNode, contract: Contract) -> None:
        self._contract = contract
        self._node = node
        self._action = node.create_publisher(msg.ActionChunk, 'policy/action', qos.REQUEST)
        self._status = node.create_publisher(msg.PolicyStatus, 'policy/status', qos.EVENT)
        self._seen = node.create_publisher(msg.Observation, 'policy/observation', qos.EVENT)
        self._health = health.Diagnostics(node, 'policy')
        self.step = self.skipped = 0
        self.reason = 'not active'

    def act(self, seen: Observation, actions: np.ndarray) -> None:
        """Publish the actions that follow from an observation."""
        stamp = time_msg(seen.tick_ns)
        chunk = msg.ActionChunk(
            source=msg.ActionChunk.SOURCE_POLICY, active=True, observation_stamp=stamp,
            contract_hash=self._contract.hash, names=list(self._contract.action.names),
            period=1.0 / self._contract.rate_hz, horizon=len(actions), step=self.step,
            values=actions.ravel().tolist())
        chunk.header.stamp = stamp
        self._action.publish(chunk)
        self.step += 1

    def observed(self, seen: Observation) -> None:
        """Publish what was seen at a tick."""
        message = msg.Observation(step=self.step, contract_hash=self._contract.hash,
                                  values=seen.values.tolist(), valid=seen.valid.tolist())
        message.header.stamp = time_msg(seen.tick_ns)
        self._seen.publish(message)

    def status(self, checkpoint: str, stamp: Any, *, acting: bool = False, latency_s: float = 0.0,
               age_s: float = 0.0, late: int = 0) -> msg.PolicyStatus:
        """Publish and return the status."""
        status = msg.PolicyStatus(
            step=self.step, contract_hash=self._contract.hash, acting=acting, reason=self.reason,
            latency=latency_s, observation_age=age_s, checkpoint=checkpoint, late=late,
            skipped=self.skipped)
        status.header.stamp = stamp
        self._status.publish(status)
        return status

    def diagnose(self) -> None:
        """Publish the diagnostics."""
        level = health.WARN if self.reason else health.OK
        self._health.publish(level, self.reason or 'acting',
                             {'actions': self.step, 'skipped': self.skipped})
