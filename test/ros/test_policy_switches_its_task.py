"""The parameter ``task`` of the running policy node: it stops, begins anew, or says why not."""

import pytest

pytest.importorskip('rclpy')
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from std_srvs.srv import Trigger
from test_policy_node import Bench, start_policy

from ilw_bringup.commands.switch import switch as switch_command
from ilw_core.errors import IlwError
from ilw_msgs.srv import LoadPolicy


@pytest.fixture
def bench(maze, ros):
    made = Bench(ros, maze)
    made.disarmed = []

    def disarm(request, response):
        made.disarmed.append(len(made.actions))
        response.success = True
        return response

    made.node.create_service(Trigger, 'arbiter/disarm', disarm)
    return made


def switch(bench, task):
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=task)
    request = SetParameters.Request(parameters=[Parameter(name='task', value=value)])
    return bench.call(SetParameters, 'policy/set_parameters', request).results[0]


def test_a_switch_stops_the_robot_says_so_and_the_new_task_begins_anew(
        bench, ros, monkeypatch, cruises):
    start_policy(ros, monkeypatch, checkpoint=str(cruises.path))
    bench.matched()
    for step in range(3):
        bench.tick()
        assert list(bench.acted().values) == pytest.approx([0.4, 0.0])
        assert bench.actions[-1].step == step
    ros.until(lambda: bench.statuses and bench.statuses[-1].acting, 10, 'the status')
    assert bench.statuses[-1].contract_hash == cruises.tasks[0].hash
    before = len(bench.actions)
    assert switch(bench, 'slow').successful
    ros.until(lambda: len(bench.actions) > before, 10, 'what takes the action back')
    assert not bench.actions[before].active and not list(bench.actions[before].values)
    ros.until(lambda: any(said.reason.startswith('the task is now slow') and not said.acting
                          for said in bench.statuses), 10, 'the reason')
    ros.until(lambda: bench.disarmed, 10, 'arbiter/disarm')

    def acts_again():
        bench.tick()
        ros.until(lambda: bench.statuses[-1].header.stamp.nanosec == bench.now % 10**9, 10)
        return bench.statuses[-1].acting

    ros.until(acts_again, 10, 'the new task')
    first = next(each for each in bench.actions[before:] if each.active)
    assert first.step == 0 and list(first.values) == pytest.approx([0.1, 0.0])
    assert first.contract_hash == bench.contract.hash, 'what arbiter and recorder work with'
    assert bench.statuses[-1].contract_hash == cruises.tasks[1].hash
    assert bench.statuses[-1].checkpoint == cruises.hash


def test_a_task_that_it_has_not_learned_is_refused_and_it_drives_on(
        bench, ros, monkeypatch, cruises, tmp_path):
    start_policy(ros, monkeypatch, checkpoint=str(cruises.path))
    bench.matched()
    answer = switch(bench, 'corridor')
    assert not answer.successful
    assert 'has learned maze, slow. Got' in answer.reason and '\n' not in answer.reason
    assert str(tmp_path) not in answer.reason, 'no path goes out over the network'
    bench.tick()
    assert list(bench.acted().values) == pytest.approx([0.4, 0.0])
    assert not bench.disarmed
    assert bench.call(LoadPolicy, 'policy/load', LoadPolicy.Request(
        checkpoint='idle')).error_code == LoadPolicy.Response.ERROR_NONE
    assert 'idle has learned no task' in switch(bench, 'slow').reason


def test_a_policy_that_is_loaded_later_does_the_task_that_is_set(
        bench, ros, monkeypatch, cruises):
    start_policy(ros, monkeypatch, checkpoint='idle', task='slow',
                 checkpoints=str(cruises.path.parent))
    bench.matched()
    assert bench.call(LoadPolicy, 'policy/load', LoadPolicy.Request(
        checkpoint=str(cruises.path))).error_msg == ''
    bench.tick()
    assert list(bench.acted().values) == pytest.approx([0.1, 0.0])


def test_another_family_and_an_unknown_task_are_refused_at_the_start(
        ros, monkeypatch, cruises):
    with pytest.raises(IlwError, match=r'slow is not of the family of.*clutter: '):
        start_policy(ros, monkeypatch, contract='clutter', checkpoint=str(cruises.path),
                     task='slow')
    with pytest.raises(IlwError, match='has learned maze, slow'):
        start_policy(ros, monkeypatch, checkpoint=str(cruises.path), task='dock')


def test_the_command_asks_the_node_and_repeats_its_answer(
        bench, ros, monkeypatch, cruises, run):
    start_policy(ros, monkeypatch, checkpoint=str(cruises.path))
    bench.matched()
    asked = []

    class OfTheBench:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            """The nodes of the test go on."""

        def call(self, kind, name, request):
            asked.append(name)
            return bench.call(kind, name, request)

    monkeypatch.setattr('ilw_bringup.session.Session', OfTheBench)
    code, said, _ = run(switch_command, 'slow')
    assert (code, said) == (0, 'The policy does slow once it is armed again.\n')
    bench.tick()
    ros.until(lambda: bench.statuses and bench.statuses[-1].contract_hash
              == cruises.tasks[1].hash, 10, 'the status')
    code, _, said = run(switch_command, 'dock', '--namespace', '')
    assert code == 2 and 'has learned maze, slow. Got' in said
    assert asked == ['/policy/set_parameters'] * 2
