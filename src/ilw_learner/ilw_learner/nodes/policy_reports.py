"""What the policy node tells the world: its action, what it saw, how it is."""

from array import array
import threading
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode

from ilw_core.align import Observation
from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic
from ilw_learner.nodes.gate_ears import hearing_gate
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.runtime.worker import Thought
from ilw_msgs import msg
from ilw_ros import health, qos
from ilw_ros.convert import time_msg


class PolicyReports:
    """The publishers of the policy node, and what they count."""

    def __init__(self, node: LifecycleNode, contract: Contract) -> None:
        self._contract = contract
        self._publish_images = bool(node.get_parameter('publish_images').value)
        self._node = node
        self._action = node.create_publisher(msg.ActionChunk, 'policy/action', qos.REQUEST)
        self._status = node.create_publisher(msg.PolicyStatus, 'policy/status', qos.EVENT)
        self._seen = node.create_publisher(msg.Observation, 'policy/observation', qos.EVENT)
        self._health = health.Diagnostics(node, 'policy')
        self.gate = hearing_gate(node, str(node.get_parameter('gate').value), contract)
        """What asks a person for help instead of acting; None: nothing does"""
        self.runner: PolicyRunner | None = None
        """The policy in use; None: not configured"""
        self.step = self.ticks = self.skipped = 0
        self.episode = ''
        self.reason = 'not active'
        node.create_timer(1.0, self.diagnose, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._speaking = threading.Lock()  # actions come from the worker's thread
        self._hushed, self._lasts = '', False
        self._left, self._inference_s = 0, 0.0

    def report(self, thought: Thought, late: int, *, active: bool) -> msg.PolicyStatus:
        """Publish what came of a tick: action, observation, status. Returns the status."""
        if thought.first:
            self.step = self.ticks = 0
        with self._speaking:
            acting = thought.actions is not None and active and not self._hushed
            if acting:
                self._act(thought.begin_ns, thought.actions)
            else:
                self.skipped += 1
            self.reason = self._hushed or thought.reason
            self._left, self._inference_s = thought.left if acting else 0, thought.inference_s
        self._observed(thought.seen)
        return self.status(
            time_msg(thought.seen.tick_ns), acting=acting, late=late,
            latency_s=thought.latency_s if acting else 0.0, age_s=thought.seen.age_ns / 1e9)

    def hush(self, why: str) -> None:
        """Ask for nothing any more, and say so to the arbiter, which stops the robot at once."""
        with self._speaking:
            self._hushed = self.reason = why
            self._withdraw()

    def resume(self) -> None:
        """Ask again, from the next tick on."""
        with self._speaking:
            self._hushed = ''

    def fall_silent(self, why: str) -> None:
        """Say why no more is asked; what was asked for longer than a period is taken back."""
        with self._speaking:
            self.reason = why
            if self._lasts:
                self._withdraw()

    def note_missing(self, why: str) -> None:
        """Say what the next tick waits for; an empty text says nothing."""
        if why and not self._hushed and why != self.reason:
            self.fall_silent(why)

    def _withdraw(self) -> None:
        self._lasts = False
        nothing = msg.ActionChunk(
            episode=self.episode, source=msg.ActionChunk.SOURCE_POLICY, active=False,
            contract_hash=self._contract.hash, names=list(self._contract.action.names),
            period=1.0 / self._contract.rate_hz)
        nothing.header.stamp = self._node.get_clock().now().to_msg()
        self._action.publish(nothing)

    def _act(self, begin_ns: int, actions: np.ndarray) -> None:
        stamp = time_msg(begin_ns)
        chunk = msg.ActionChunk(
            episode=self.episode, source=msg.ActionChunk.SOURCE_POLICY, active=True,
            observation_stamp=stamp, contract_hash=self._contract.hash,
            names=list(self._contract.action.names), period=1.0 / self._contract.rate_hz,
            horizon=len(actions), step=self.step,
            values=actions.ravel().tolist())
        chunk.header.stamp = stamp
        self._action.publish(chunk)
        self._lasts = len(actions) > 1
        self.step += 1

    def _observed(self, seen: Observation) -> None:
        message = msg.Observation(
            episode=self.episode, step=self.ticks, contract_hash=self._contract.hash,
            values=seen.values.tolist(), valid=seen.valid.tolist(),
            parts=[self._part(source, seen) for source in self._contract.images])
        message.header.stamp = time_msg(seen.tick_ns)
        self._seen.publish(message)
        self.ticks += 1

    def _part(self, source: ObservedTopic, seen: Observation) -> msg.ObservationPart:
        image = seen.images.get(source.name)
        part = msg.ObservationPart(
            name=source.name, shape=list(source.feature.shape), dtype=source.feature.dtype,
            valid=image is not None)
        if image is not None and self._publish_images:
            part.data = array('B', image.tobytes())  # what rclpy takes without a look at each
        return part

    def status(self, stamp: Any, *, acting: bool = False, latency_s: float = 0.0,
               age_s: float = 0.0, late: int = 0) -> msg.PolicyStatus:
        """Publish and return the status; its contract is that of the task which is done."""
        status = msg.PolicyStatus(
            episode=self.episode, step=self.step, contract_hash=self._task.hash,
            acting=acting, reason=self.reason, latency=latency_s, observation_age=age_s,
            checkpoint=self.runner.name if self.runner else '', late=late, skipped=self.skipped)
        status.header.stamp = stamp
        self._status.publish(status)
        return status

    @property
    def _task(self) -> Contract:
        return self.runner.task if self.runner else self._contract

    def diagnose(self) -> None:
        """Publish the diagnostics, and the status while there is no action to go with it."""
        level = health.WARN if self.reason else health.OK
        self._health.publish(level, self.reason or 'acting',
                             {'task': self._task.name, 'actions': self.step,
                              'skipped': self.skipped, 'queue': self._left,
                              'inference_ms': round(1e3 * self._inference_s, 1)})
        if self.reason:
            self.status(self._node.get_clock().now().to_msg())
