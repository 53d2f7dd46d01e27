"""An arm that answers late, sluggishly, by another gain and with noise, as its plant says."""

from arm_drives import contract_of, go
import numpy as np
import pytest

from ilw_core.arm_plant import ArmPlant
from ilw_core.base.plant import PlantProfile, load_plant
from ilw_core.errors import ContractError
from ilw_sim.arm.answer import PlantArm
from ilw_sim.arm.simulation import ArmSimulation

LOOK_S, LOOKS = 1 / 60, 6


def arm(**plant):
    """Return an arm of ``lift_state``, whose fifth field, the finger, is a position."""
    action = contract_of('lift_state').action
    return PlantArm(ArmPlant(**plant), action, LOOKS, LOOK_S, 7, np.random.default_rng(0))


def profile(**values):
    return PlantProfile('x', {key: (value, value) for key, value in values.items()}, 'arm')


def test_a_command_acts_after_its_delay():
    slow, action = arm(delay_s=0.1 + 2 * LOOK_S), np.array([0.2, 0, 0, 0, 0.0])
    rows = np.concatenate([slow.answer(action) for _ in range(2)])
    assert np.flatnonzero(rows[:, 0])[0] == LOOKS + 2
    assert np.flatnonzero(rows[:, 4] == 0.0)[0] == LOOKS + 2, 'the fingers too'
    assert (rows[LOOKS + 2:, 0] == 0.2).all()


def test_the_gain_is_that_of_velocities():
    rows = arm(gain=0.8).answer(np.array([0.2, 0, 0, -1.0, 0.03]))
    assert rows == pytest.approx(np.tile([0.16, 0, 0, -0.8, 0.03], (LOOKS, 1)))


def test_the_lag_leaves_as_much_way_out_as_it_is_long():
    slow, action = arm(lag_s=0.08), np.array([0.2, 0, 0, 0, 0.04])
    way_m = sum(slow.answer(action)[:, 0].sum() * LOOK_S for _ in range(20))
    assert way_m == pytest.approx(0.2 * (2.0 - 0.08), rel=1e-6)


def test_a_perfect_plant_moves_the_arm_as_none_to_the_bit():
    places = []
    for plant in (None, profile(gain=1.0)):
        simulation = ArmSimulation(contract_of('lift_state'), plant=plant)
        simulation.reset(3)
        go(simulation, 10, x=0.1, z=-0.1, finger=0.02)
        places.append(simulation.world.joints()[0])
        simulation.close()
    assert np.array_equal(*places)


def test_what_is_measured_is_off_and_success_is_judged_by_what_is_true():
    simulation = ArmSimulation(contract_of('lift_state'), plant=profile(
        place_noise_m=0.05, joint_noise_rad=0.1))
    simulation.reset(3)
    off_m, off_rad = [], []
    for _ in range(40):
        tick = go(simulation, 1)
        off_m.append(tick.readings['objects/cube/pose'].pose.position.z
                     - simulation.world.things()[0].xyz[2])
        off_rad.append(tick.readings['joint_states'].position - simulation.world.joints()[0])
    simulation.close()
    assert np.std(off_m) == pytest.approx(0.05, rel=0.3)
    assert np.std(np.array(off_rad)[:, :7]) == pytest.approx(0.1, rel=0.15)
    assert not np.array(off_rad)[:, 7:].any(), 'fingers are measured well'
    assert not tick.verdict.success


def test_a_profile_of_an_arm_is_read_as_it_was_written(tmp_path):
    made = PlantProfile('mine', {'delay_s': (0.05, 0.1), 'gain': (0.9, 0.9)}, 'arm')
    (tmp_path / 'mine.yaml').write_text(made.text())
    assert load_plant(tmp_path / 'mine.yaml') == made
    drawn = made.draw(np.random.default_rng(0))
    assert isinstance(drawn, ArmPlant) and 0.05 <= drawn.delay_s <= 0.1 and drawn.gain == 0.9
    (tmp_path / 'bad.yaml').write_text('plant: bad\nof: arm\nturn_gain: 1.0\n')
    with pytest.raises(ContractError, match='turn_gain'):
        load_plant(tmp_path / 'bad.yaml')
