"""Let the parameter ``task`` say, while the policy node runs, which of its tasks a policy does."""

from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter

from ilw_core.errors import IlwError
from ilw_learner.nodes.policy_reports import PolicyReports
from ilw_learner.nodes.policy_services import PolicyServices
from ilw_learner.runtime.runner import PolicyRunner

TASK = 'task'


class TaskSwitch:
    """
    Refuses a task that the policy has not learned; before another begins, the robot is stopped.

    :param reports: they know the policy in use; while there is none, the task is checked when the
        node is configured.
    :param use: called with the policy for the new task and ``True``: it begins anew.
    """

    def __init__(self, node: LifecycleNode, reports: PolicyReports, services: PolicyServices,
                 use: Callable[[PolicyRunner, bool], None]) -> None:
        self._node, self._reports, self._services, self._use = node, reports, services, use
        node.add_on_set_parameters_callback(self._on_wanted)
        node.add_post_set_parameters_callback(self._on_set)

    @property
    def task(self) -> str:
        """The task that is wanted; empty: that of the contract in use."""
        return str(self._node.get_parameter(TASK).value)

    def _on_wanted(self, wanted: list[Parameter]) -> SetParametersResult:
        """Say yes or no; nothing is done yet, as another parameter may be refused."""
        runner = self._reports.runner
        try:
            for each in wanted:
                if each.name == TASK and runner is not None:
                    runner.doing(str(each.value))
        except IlwError as error:  # its text names tasks and contracts, no file
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_set(self, new: list[Parameter]) -> None:
        runner = self._reports.runner
        if runner is None or all(each.name != TASK for each in new):
            return
        doing = runner.doing(self.task)
        self._services.stop(f'the task is now {doing.task.name}')
        self._use(doing, True)
        self._reports.status(self._node.get_clock().now().to_msg())
