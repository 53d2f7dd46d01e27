"""Say what the arbiter did: by a service; in a dry run in diagnostics and at the end, too."""

from dataclasses import asdict

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_srvs.srv import Trigger

from ilw_core.contract.file import Contract
from ilw_msgs.msg import PolicyStatus
from ilw_ros.console import say
from ilw_ros.health import OK, Diagnostics
from ilw_ros.qos import EVENT
from ilw_teleop.arbiter.arbiter import Decision
from ilw_teleop.arbiter.tally import Tally


class TallyReport:
    """Wires a ``Tally`` to the graph."""

    def __init__(self, node: Node, contract: Contract, *, dry_run: bool) -> None:
        self._tally, self._dry_run = Tally(contract), dry_run
        node.create_subscription(PolicyStatus, 'policy/status', self._on_status, EVENT)
        node.create_service(Trigger, 'arbiter/report', self._on_report)
        if dry_run:
            self._diagnostics = Diagnostics(node, 'dry run')
            node.create_timer(1.0, self._diagnose, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def decided(self, decision: Decision) -> None:
        """Count one decision."""
        self._tally.decided(decision)

    def conclude(self) -> None:
        """Print what a dry run would have done."""
        if self._dry_run:
            say('\n  '.join(('Dry run, nothing was sent. It would have been:',
                            *self._tally.lines())))

    def _on_status(self, status: PolicyStatus) -> None:
        self._tally.thought(status.latency, status.reason)

    def _on_report(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        answer.success, answer.message = True, '\n'.join(self._tally.lines())
        return answer

    def _diagnose(self) -> None:
        said = asdict(self._tally.summary())
        fields = {f'{name}: {key}': value for name, row in said.pop('fields').items()
                  for key, value in row.items() if key != 'unit'}
        self._diagnostics.publish(OK, self._tally.lines()[0], {**said, **fields})
