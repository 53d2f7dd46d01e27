"""What a take was recorded with is handed to the recorder, so that ``redo`` can repeat it."""

import pytest
import yaml

from ilw_bringup.start.bringup import BRINGUPS, resolve
from ilw_core.errors import IlwError
from ilw_data.commands.edit import _ARGUMENTS
from ilw_teleop.nodes.recorder.origin import about


@pytest.mark.parametrize(('given', 'kept'), [
    ({}, {}),
    ({'input': 'keyboard'}, {'input': 'keyboard'}),
    ({'input': 'keyboard', 'operator': 'ada', 'task': 'maze', 'demos': 'x'},
     {'input': 'keyboard'}),
    ({'expert': 'true', 'seed': '7', 'robot': 'emulated'}, {'expert': 'True', 'seed': '7'}),
    ({'plant': 'my plants/a=b.yaml'}, {'plant': 'my plants/a=b.yaml'}),
    ({'joystick': 'ps5', 'plant': 'small_base', 'real_time_factor': '0.5'},
     {'joystick': 'ps5', 'plant': 'small_base', 'real_time_factor': '0.5'}),
])
def test_the_recorder_is_told_what_differs_from_the_usual(given, kept):
    bringup, values = resolve('record', given)
    (recorder,) = [spec for spec in bringup.nodes(values) if spec.name == 'recorder']
    text = recorder.parameters['arguments']
    assert not isinstance(yaml.safe_load(text), dict), 'launch would take it for one'
    assert about('sim', '', '', text)['arguments'] == kept


def test_redo_knows_the_arguments_of_record():
    assert set(_ARGUMENTS) <= {argument.name for argument in BRINGUPS['record'].arguments}


@pytest.mark.parametrize('text', ['input', "input='keyboard", 'a=1 b'])
def test_arguments_that_are_none_are_an_error(text):
    with pytest.raises(IlwError, match='arguments must be name=value'):
        about('sim', '', '', text)
