"""Maps, poses, goals, commands and states that make no sense are left aside, each for a reason."""

import json
import math

import numpy as np
import pytest

from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_file
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.stick import Stick
from ilw_sim.lockstep import CommandGate
from ilw_sim.simulation import Simulation

SECOND = 1_000_000_000


@pytest.fixture
def driver(clutter):
    made = StickDriver(clutter, Stick(config_file('joysticks', 'xbox')), seed=0, imperfection=0.0)
    assert made.on_map(0, [0] * 400, (20, 20), 0.1, (0.0, 0.0))
    assert made.on_goal(0, (1.5, 1.5))
    return made


@pytest.mark.parametrize(('cells', 'shape', 'resolution', 'origin'), [
    ([0] * 399, (20, 20), 0.1, (0.0, 0.0)),
    ([], (0, 0), 0.1, (0.0, 0.0)),
    ([0], (1, 1), 0.1, (0.0, 0.0)),                       # no slope on a single cell
    ([0] * 8000, (2, 4000), 0.1, (0.0, 0.0)),             # distances of 4000 x 4000
    ([0] * 400, (20, 20), 0.0, (0.0, 0.0)),
    ([0] * 400, (20, 20), math.nan, (0.0, 0.0)),
    ([0] * 400, (20, 20), 0.1, (math.inf, 0.0)),
])
def test_a_map_to_make_no_plan_on_is_left_aside(driver, cells, shape, resolution, origin):
    assert not driver.on_map(1, cells, shape, resolution, origin)
    assert driver.look(SECOND, (0.5, 0.5, 0.0)) is not None  # by the map before


def test_a_pose_or_goal_that_is_no_place_is_left_aside(driver):
    for nonsense in (math.nan, math.inf, -math.inf, 1e300):
        assert not driver.on_goal(1, (nonsense, 0.0))
        assert driver.look(SECOND, (nonsense, 0.5, 0.0)) is None
        assert driver.look(SECOND, (0.5, 0.5, nonsense)) is None
    assert driver.look(SECOND, (0.5, 0.5, 0.0)) is not None


def test_a_goal_that_cannot_be_reached_leaves_no_nan_on_the_stick(driver):
    assert driver.on_map(1, [100] * 400, (20, 20), 0.1, (0.0, 0.0))
    axes, _ = driver.look(SECOND, (0.5, 0.5, 0.0))
    assert np.isfinite(axes).all()


@pytest.mark.parametrize(('old', 'new'), [
    ('dpad_y: 7', 'dpad_y: 999999999'), ('dpad_y: 7', 'dpad_y: -1'), ('a: 0,', 'a: 0.5,'),
    ('deadzone: 0.1', 'deadzone: .nan'), ('deadzone: 0.1', 'deadzone: 1.0'),
    ('turn: right_stick_x', 'turn: nothing')])
def test_a_layout_with_indices_of_no_joystick_is_refused(tmp_path, old, new):
    text = config_file('joysticks', 'xbox').read_text()
    assert old in text
    (tmp_path / 'pad.yaml').write_text(text.replace(old, new, 1))
    with pytest.raises(IlwError):
        Stick(tmp_path / 'pad.yaml')


def test_a_command_from_the_future_does_not_hold_the_wheels(clutter):
    gate = CommandGate(clutter, timeout_s=0.5)
    assert not gate.offer(10 ** 18, SECOND, [0.5, 0.0])
    assert gate.refused == 1
    assert gate.offer(SECOND, SECOND, [0.2, 0.0])
    assert gate.action(SECOND).tolist() == [0.2, 0.0]
    assert not gate.action(2 * SECOND).any()


@pytest.mark.parametrize(('key', 'value'), [
    ('seed', -1), ('seed', None), ('actions', None), ('actions', {'a': 1}),
    ('actions', [[1e999, 0]]), ('actions', [[0.0, 0.0]] * 100_000),
    ('actions', [[10 ** 400, 0]]), ('pose', 'here'),
])
def test_a_state_that_was_edited_is_refused(clutter, key, value):
    simulation = Simulation(clutter)
    simulation.reset(1)
    state = json.loads(json.dumps(simulation.state())) | {key: value}
    with pytest.raises(ContractError):
        simulation.set_state(state, 0)
    simulation.close()
