"""``episodes check`` of what cameras saw: frozen, black, doubled, missing, exposure, delay."""

import numpy as np
import pytest

from ilw_core.contract.file import parse_contract
from ilw_data.doctor import check_episodes

_JOINTS = """
  arm: {topic: joint_states, type: sensor_msgs/msg/JointState, feature: joints, joints: [a]}"""
TICKS = 60


@pytest.fixture
def checked(cameras, tmp_path):
    """Return what makes findings of an episode whose pictures follow its joint by some ticks."""
    contract = parse_contract(cameras.contract_text(odometry=False).replace(
        '\naction:', f'{_JOINTS}\naction:'))

    def check(change=lambda pictures: pictures, *, late=0):
        angles = 1.2 * np.sin(np.arange(TICKS + late) / 6.0) ** 3
        pictures = [cameras.compressed(cameras.BEGIN_NS + i * cameras.PERIOD_NS,
                                       scene(angles[max(0, i - late)], i)) for i in range(TICKS)]
        write(cameras, tmp_path / '0', contract, change(pictures), angles)
        report = check_episodes(tmp_path, contract)
        return {each.kind: each for each in report.findings}

    return check


def scene(angle, i):
    """Return a bright bar at an angle; a pixel of noise, as no two pictures are the same."""
    picture = np.full((96, 128, 3), 90, np.uint8)
    at = int(64 + 40 * angle)
    picture[:, at:at + 10] = 220
    picture[0, 0] = i
    return picture


def write(cameras, folder, contract, pictures, angles):
    from rosbags.rosbag2 import StoragePlugin, Writer

    types = contract.topics
    joints = cameras.T['sensor_msgs/msg/JointState']
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        channels = {name: bag.add_connection(f'/{name}', kind, typestore=cameras.STORE)
                    for name, kind in types.items()}
        for i in range(TICKS):
            at = cameras.BEGIN_NS + i * cameras.PERIOD_NS
            sent = {'image': pictures[i], 'cmd_vel': cameras.T[types['cmd_vel']](
                header=cameras.header(at), twist=cameras.twist(0.2, float(i % 9) / 9.0)),
                'joint_states': joints(header=cameras.header(at), name=['a'],
                                       position=np.array([angles[i]]), velocity=np.zeros(1),
                                       effort=np.zeros(1))}
            for name, message in sent.items():
                if message is not None:
                    bag.write(channels[name], at, cameras.STORE.serialize_cdr(message,
                                                                              types[name]))


CAMERA_KINDS = {'frozen_picture', 'black', 'doubled_pictures', 'missing_pictures', 'exposure',
                'size', 'unread'}


def again(cameras, picture, of):
    """Return a picture with the pixels of another one, at its own stamp."""
    return cameras.T[cameras.COMPRESSED](header=picture.header, format='png', data=of.data)


def test_a_camera_that_works_is_only_told_how_late_it_is(checked):
    found = checked()
    assert not CAMERA_KINDS & set(found)
    assert found['camera_lag'].level == 'note'
    assert abs(found['camera_lag'].numbers['lag_ms']) < 40.0


def test_pictures_that_come_late_are_measured(checked):
    finding = checked(late=4)['camera_lag']
    assert finding.level == 'warn'
    assert finding.numbers['lag_ms'] == pytest.approx(400.0, abs=40.0)


def test_a_camera_that_hangs_while_the_arm_moves_is_bad(cameras, checked):
    found = checked(lambda all_: [again(cameras, each, all_[min(i, 20)])
                                  for i, each in enumerate(all_)])
    assert found['frozen_picture'].level == 'bad' and 'hung' in found['frozen_picture'].text
    assert 2.0 < found['frozen_picture'].numbers['frozen_s'] < 3.9  # it rests now and then


def test_every_second_picture_twice_is_a_driver_that_sends_too_often(cameras, checked):
    found = checked(lambda all_: [again(cameras, each, all_[i - i % 2])
                                  for i, each in enumerate(all_)])
    assert found['doubled_pictures'].level == 'warn' and 'frozen_picture' not in found


def test_black_pictures_are_bad(cameras, checked):
    def dark(pictures):
        black = cameras.compressed(0, np.zeros((96, 128, 3), np.uint8))
        return [*pictures[:30], *(again(cameras, each, black) for each in pictures[30:])]

    finding = checked(dark)['black']
    assert finding.level == 'bad' and '30 of 60' in finding.text


def test_missing_pictures_are_counted(checked):
    finding = checked(lambda all_: [None if i % 5 == 3 else each
                                    for i, each in enumerate(all_)])['missing_pictures']
    assert finding.numbers['missing'] == 12.0


def test_a_size_that_changes_is_bad(cameras, checked):
    other = cameras.compressed(0, np.full((48, 64, 3), 90, np.uint8))
    found = checked(lambda all_: [*all_[:30], *(again(cameras, each, other)
                                                for each in all_[30:])])
    assert found['size'].level == 'bad' and '128 x 96 and 64 x 48' in found['size'].text


def test_exposure_that_jumps_is_told(cameras, checked):
    def lit(pictures):
        bright = cameras.compressed(0, np.full((96, 128, 3), 240, np.uint8))
        return [again(cameras, each, bright) if 20 <= i < 26 else each
                for i, each in enumerate(pictures)]

    assert '2 time(s)' in checked(lit)['exposure'].text
