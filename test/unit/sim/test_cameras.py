"""Cameras of the simulated arm: where things appear, that they repeat, what they cost nobody."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_sim.arm.scene import ArmScene, cube
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.cameras.drawing import Drawing, link_frame
from ilw_sim.env import make_env

FRONT, WRIST = 'front/image_raw/compressed', 'wrist/image_raw/compressed'


def lift(**cameras):
    """Return lift, its cameras with other values: name -> keys."""
    contract = load_contract(config_file('tasks', 'lift'))
    scene = contract.scene | {'veer_chance': 0.0}
    scene['cameras'] = {name: keys | cameras.get(name, {})
                        for name, keys in scene['cameras'].items()}
    return replace(contract, scene=scene)


@pytest.fixture
def made():
    """Return what makes a simulation that is closed in the end."""
    open_ones = []

    def make(contract=None):
        open_ones.append(ArmSimulation(contract or lift()))
        return open_ones[-1]

    yield make
    for each in open_ones:
        each.close()


def pixels(simulation, topic):
    return cv2.imdecode(simulation.reading(topic).data, cv2.IMREAD_COLOR)


def red(picture):
    """Return row and column of the middle of what is red [px]."""
    blue, green, strong = (picture[..., k].astype(int) for k in range(3))
    rows, columns = np.nonzero((strong > 2 * green) & (strong > 2 * blue))
    assert len(rows) > 8, 'the cube is not to be seen'
    return rows.mean(), columns.mean()


@pytest.mark.parametrize(('x', 'y'), [(0.4, -0.15), (0.55, 0.0), (0.45, 0.15)])
def test_the_cube_appears_where_a_pinhole_of_its_camera_info_shows_it(made, x, y):
    simulation = made()
    scene = ArmScene((cube('cube', (x, y, 0.0), 0.04, 'red'),), 0, (0.0,) * 7)
    simulation.reset(0)
    simulation.world.reset(scene)
    simulation._cameras.begin(simulation.world.client, simulation.world.links())
    spec = simulation._cameras.specs[0]
    placed = np.array([*simulation.world.things()[0].xyz, 1.0])
    optical = link_frame(simulation.world.client, *simulation.world.links()[spec.frame])
    seen = np.linalg.inv(optical @ spec.mount) @ placed
    info = simulation.reading('front/camera_info')
    column, row, depth = np.reshape(info.k, (3, 3)) @ seen[:3]
    assert red(pixels(simulation, FRONT)) == pytest.approx((row / depth, column / depth), abs=1.5)


def test_the_wrist_camera_goes_with_the_hand(made):
    simulation = made()
    simulation.reset(3)
    before = [red(pixels(simulation, topic)) for topic in (FRONT, WRIST)]
    for _ in range(4):
        simulation.step(np.array([0.0, 0.1, 0.0, 0.0, 0.04]))
    after = [red(pixels(simulation, topic)) for topic in (FRONT, WRIST)]
    assert after[0] == pytest.approx(before[0], abs=0.5)
    assert np.hypot(*np.subtract(after[1], before[1])) > 3.0


def test_one_seed_gives_one_picture_and_another_seed_another(made):
    shots = []
    for seed in (3, 3, 4):
        simulation = made()
        simulation.reset(seed)
        for _ in range(3):
            simulation.step(np.array([0.05, 0.0, -0.05, 0.2, 0.04]))
        shots.append([bytes(simulation.reading(topic).data) for topic in (FRONT, WRIST)])
    assert shots[0] == shots[1] and shots[0][0] != shots[2][0]


def test_physics_is_the_same_to_the_bit_whether_anybody_looks_or_not(made):
    looked, blind = made(), made()
    for simulation in (looked, blind):
        simulation.reset(5)
    for _ in range(10):
        for simulation in (looked, blind):
            simulation.step(np.array([0.1, 0.05, -0.1, 0.3, 0.0]))
        looked.reading(FRONT)
    assert looked.state()['joints'] == blind.state()['joints']
    assert looked.world.things() == blind.world.things()


def test_nothing_is_drawn_until_somebody_looks_and_then_once_a_tick(made, monkeypatch):
    drawn = []
    see = Drawing.see
    monkeypatch.setattr(Drawing, 'see', lambda *given: drawn.append(1) or see(*given))
    simulation = made()
    simulation.reset(3)
    simulation.step(np.zeros(5))
    assert not drawn
    first = simulation.reading(FRONT)
    assert simulation.reading(FRONT).data is first.data and len(drawn) == 1
    simulation.step(np.array([0.0, 0.0, -0.1, 0.0, 0.04]))
    assert bytes(simulation.reading(FRONT).data) != bytes(first.data) and len(drawn) == 2


def test_a_clock_that_leaps_stamps_the_same_picture_anew(made):
    simulation = made()
    simulation.reset(3)
    data = simulation.reading(FRONT).data
    simulation.restamp(7_000_000_001)
    again = simulation.reading(FRONT)
    assert again.data is data
    assert (again.header.stamp.sec, again.header.stamp.nanosec) == (7, 1)


def test_the_environment_shows_what_the_message_holds_beside_the_vector():
    env = make_env('lift')
    seen, _ = env.reset(seed=3)
    assert env.observation_space.contains(seen)
    picture = cv2.imdecode(env.simulation.reading(FRONT).data, cv2.IMREAD_COLOR)
    assert np.array_equal(seen['front'], picture[..., ::-1])
    assert np.array_equal(env.step(np.zeros(5, np.float32))[0]['wrist'],
                          env.simulation.images()['wrist'])
    env.close()


def test_a_jpeg_is_sent_where_the_contract_says_so(made):
    simulation = made(lift(front={'format': 'jpeg', 'quality': 80}))
    simulation.reset(3)
    message = simulation.reading(FRONT)
    assert message.format == 'jpeg' and bytes(message.data[:2]) == b'\xff\xd8'
    assert pixels(simulation, FRONT).shape == (84, 84, 3)


@pytest.mark.parametrize(('keys', 'told'), [
    ({'frame': 'elbow'}, "frame must be one of panda_link0, "),
    ({'size': [84]}, 'size must be a list of 2 numbers'),
    ({'size': [84.5, 84]}, 'size must be width and height'),
    ({'format': 'gif'}, 'format must be one of png, jpeg'),
    ({'up': [0.0, 0.0, 0.0]}, 'up must be not along the way'),
    ({'zoom': 2}, 'zoom')])
def test_a_camera_with_a_mistake_is_said_in_a_line(made, keys, told):
    with pytest.raises(ContractError) as error:
        made(lift(front=keys)).reset(0)
    assert told in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('task', ['pick_place_state', 'insert_state', 'reach_kuka',
                                  'push_t_state'])
def test_every_arm_and_thing_is_drawn(made, task):
    contract = load_contract(config_file('tasks', task))
    base = 'panda_link0' if 'kuka' not in task else 'lbr_iiwa_link_0'
    simulation = made(replace(contract, scene=contract.scene | {'cameras': {'front': {
        **lift().scene['cameras']['front'], 'frame': base}}}))
    simulation.reset(1)
    empty = Drawing([]).see(simulation._cameras.specs[0], np.eye(4))
    seen = pixels(simulation, FRONT)
    assert (seen != empty).any(axis=2).mean() > 0.05
    colours = {'pick_place_state': 1, 'insert_state': 1, 'reach_kuka': 2,
               'push_t_state': 2}[task]
    strong = seen.max(axis=2).astype(int) - seen.min(axis=2) > 70
    assert strong.sum() > 8 * colours


def test_transforms_tell_where_each_camera_is(made):
    simulation = made()
    simulation.reset(3)
    found = {each.child_frame_id: each for each in simulation.fixed_transforms()}
    front = found['front_optical_frame']
    assert front.header.frame_id == 'panda_link0'
    assert front.transform.translation.x == pytest.approx(1.1)
    assert found['wrist_optical_frame'].header.frame_id == 'panda_hand'
