"""Say what a dry run would have done: in diagnostics, by a service, and at the end."""

import sys

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_srvs.srv import Trigger

from ilw_core.contract import Contract
from ilw_msgs.msg import PolicyStatus
from ilw_ros.health import OK, Diagnostics
from ilw_ros.qos import EVENT
from ilw_teleop.arbiter import Decision
from ilw_teleop.dry_run import DryRun


class DryRunReport:
    """Wires a ``DryRun`` to the graph."""

    def __init__(self, node: Node, contract: Contract) -> None:
        self._run = DryRun(contract)
        self._diagnostics = Diagnostics(node, 'dry run')
        node.create_subscription(PolicyStatus, 'policy/status', self._on_status, EVENT)
        node.create_service(Trigger, 'arbiter/report', self._on_report)
        node.create_timer(1.0, self._diagnose, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def decided(self, decision: Decision) -> None:
        """Count one decision."""
        self._run.decided(decision)

    def conclude(self) -> None:
        """Print the summary; the graph may be gone by now."""
        print('Dry run:\n' + '\n'.join(f'  {line}' for line in self._run.lines()),
              file=sys.stderr, flush=True)

    def _on_status(self, status: PolicyStatus) -> None:
        self._run.thought(status.latency, status.reason)

    def _on_report(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        answer.success, answer.message = True, '\n'.join(self._run.lines())
        return answer

    def _diagnose(self) -> None:
        said = self._run.summary()
        fields = {f'{name}: {key}': value for name, row in said.pop('fields').items()
                  for key, value in row.items() if key != 'unit'}
        self._diagnostics.publish(OK, self._run.lines()[0], {**said, **fields})
