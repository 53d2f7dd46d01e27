"""Drive by a policy: observed topics in, action requests out. Arming is the arbiter's business."""

from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.timer import Timer

from ilw_core.align import Observation
from ilw_core.contract.file import named_contract
from ilw_core.errors import BusyError, IlwError
from ilw_core.policy_loop import PolicyLoop
from ilw_learner.checkpoint.named import NamedCheckpoints
from ilw_learner.checkpoint.signing import find_trusted_keys
from ilw_learner.nodes.lifecycle_guard import guard_transitions
from ilw_learner.nodes.loads import Loads, Wanted
from ilw_learner.nodes.policy_params import PolicyParams
from ilw_learner.nodes.policy_reports import PolicyReports
from ilw_learner.nodes.policy_services import PolicyServices
from ilw_learner.nodes.task_switch import TaskSwitch
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.runtime.worker import Thought, Worker
from ilw_ros.observe import Observed
from ilw_ros.params import load
from ilw_ros.run import in_thread, run_node


class PolicyNode(LifecycleNode):
    """Wiring of PolicyLoop (when), PolicyRunner (what) and Worker (its own thread)."""

    def __init__(self) -> None:
        super().__init__('policy')
        guard_transitions(self)
        params = self._params = load(self, PolicyParams)
        self._contract = named_contract(params.contract, params.robot)
        self._trusted = find_trusted_keys(params.trusted_keys)
        self._worker: Worker | None = None
        self._observed: Observed | None = None
        self._overdue: Timer | None = None
        self._loop, done = PolicyLoop(self._contract), TransitionCallbackReturn.SUCCESS
        # Runs once all that had arrived is taken in: a goal sent before a tick counts for it.
        self._taken_in = self.create_guard_condition(self._on_taken_in)
        self._active, self._why, self._reports = False, '', PolicyReports(self, self._contract)
        named = NamedCheckpoints(params.checkpoints, self._contract.name, params.checkpoint)
        self._asked = PolicyServices(self, self._reports, Loads(self, named, self._load),
                                     self._on_reset, lambda: self._active)
        self._switch = TaskSwitch(self, self._reports, self._asked, self._use)
        if params.autostart and (
                self.trigger_configure() != done or self.trigger_activate() != done):
            raise IlwError(f'policy: {self._why or self._reports.reason}')

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the checkpoint and listen."""
        try:
            runner = self._runner(self._params.checkpoint, self._params.seed, self._switch.task)
        except IlwError as error:
            self._why = str(error)  # the last word at a start; policy/status quotes no file
            self._reports.reason = f'the checkpoint {error.public}'
            return TransitionCallbackReturn.FAILURE
        self._loop = PolicyLoop(self._contract)
        self._worker, self._reports.runner = Worker(runner, self._on_done), runner
        self._observed = Observed(self, self._contract, self._on_message)
        if not self.get_parameter('use_sim_time').value:
            self._overdue = self.create_timer(0.25 / self._contract.rate_hz, self._on_overdue)
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to act."""
        self._active = True
        self._asked.stand_down.release()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Fall silent; the arbiter stops the robot."""
        self._active = False
        self._asked.interrupt()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the checkpoint."""
        self._close()
        return TransitionCallbackReturn.SUCCESS

    on_shutdown = on_cleanup

    def _close(self) -> None:
        self._active = False
        self._asked.interrupt()
        if self._observed:
            self._observed.close()
        if self._overdue:
            self.destroy_timer(self._overdue)
        if self._worker:
            self._worker.stop()
        self._observed = self._worker = self._overdue = self._reports.runner = None

    def farewell(self) -> None:
        """Take back what was asked: the robot need not wait until it is stale."""
        self._reports.hush('the policy node ends')

    def destroy_node(self) -> None:
        """End the thread before the publishers it uses."""
        self._close()
        super().destroy_node()

    def _on_message(self, name: str, stamp_ns: int, message: Any) -> None:
        self._loop.push(name, stamp_ns, message)
        self._taken_in.trigger()

    def _on_taken_in(self) -> None:
        while (observation := self._loop.poll()) is not None:
            self._submit(observation)
        self._reports.note_missing(self._loop.missing() if self._active else '')

    def _on_overdue(self) -> None:
        self._submit(self._loop.overdue(self.get_clock().now().nanoseconds))

    def _submit(self, observation: Observation | None) -> None:
        if observation is not None and self._active and self._worker:
            self._worker.submit(observation, first=self._loop.began_anew)

    def _on_reset(self, stamp_ns: int, episode: str) -> None:
        self._loop.restart(stamp_ns)
        self._reports.episode = episode

    def _on_done(self, thought: Thought) -> None:
        self._asked.on_status(self._reports.report(thought, self._loop.late, active=self._active))

    def _runner(self, name: str, seed: int, task: str) -> PolicyRunner:
        return PolicyRunner(name, self._contract, seed=seed, trusted=self._trusted, task=task,
                            slower_s=self._params.slower_s, gate=self._reports.gate)

    def _use(self, runner: PolicyRunner, anew: bool = False) -> None:
        if self._worker is None:
            raise BusyError('The policy node is not configured. Configure it first.')
        self._worker.swap(runner, anew=anew)
        self._reports.runner = runner

    async def _load(self, checkpoint: str, seed: int, wanted: Wanted) -> str:
        """Read a checkpoint in a thread, as ticks go on, and use it from the next one on."""
        task = self._switch.task
        runner: PolicyRunner = await in_thread(lambda: self._runner(checkpoint, seed, task),
                                               self._taken_in.trigger)
        if wanted():  # and the task may be another by now
            self._use(runner if self._switch.task == task else runner.doing(self._switch.task))
        return runner.name


def main() -> int:
    """Run the node."""
    return run_node(PolicyNode)
