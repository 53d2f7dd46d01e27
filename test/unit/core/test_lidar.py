"""What a beam says, what a scan shows, and what a robot profile declares of its lidar."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError
from ilw_core.features.lidar import (
    DISTANCE,
    FREE,
    NOTHING,
    TOO_NEAR,
    ScanGeometry,
    beams,
    is_evidence,
    unread,
    why_another,
    why_no_evidence,
)
from ilw_core.features.lidar_sectors import Sectors, sector_minimum, unseen_sectors
from ilw_core.features.lidar_spec import LidarSpec, load_lidar
from ilw_core.storage.locate import config_file

INF, NAN = math.inf, math.nan
FULL = ScanGeometry(360, -math.pi, 2 * math.pi / 360, 0.12, 8.0, math.pi - 2 * math.pi / 360)


@pytest.mark.parametrize(('value', 'word', 'kind'), [
    (INF, 'inf', FREE), (INF, 'zero', FREE), (INF, 'nan', FREE), (-INF, 'inf', TOO_NEAR),
    (-INF, 'zero', TOO_NEAR), (NAN, 'inf', NOTHING), (NAN, 'zero', NOTHING), (NAN, 'nan', FREE),
    (0.0, 'inf', NOTHING), (-0.0, 'nan', NOTHING), (0.0, 'zero', FREE), (-0.0, 'zero', FREE),
    (-1.0, 'zero', NOTHING), (0.05, 'zero', TOO_NEAR), (0.12, 'inf', DISTANCE),
    (8.0, 'inf', DISTANCE), (8.07, 'inf', DISTANCE), (8.2, 'inf', NOTHING), (8.2, 'max', FREE),
    (8.0, 'max', FREE), (7.99, 'max', DISTANCE), (3.4e38, 'inf', NOTHING), (NAN, 'max', NOTHING)])
def test_a_beam_says_one_of_four_things(value, word, kind):
    assert beams(np.array([value]), 0.12, 8.0, LidarSpec(word)).tolist() == [kind]
    column = beams(np.array([[value], [value]]), np.array([[0.12], [0.12]]),
                   np.array([[8.0], [8.0]]), LidarSpec(word))
    assert column.tolist() == [[kind], [kind]]


def test_a_distance_of_zero_is_none_whatever_range_min_is():
    assert beams(np.array([0.0, 0.01]), 0.0, 8.0).tolist() == [NOTHING, DISTANCE]


def test_many_scans_are_judged_as_one_by_one():
    rng = np.random.default_rng(0)
    values = np.array([NAN, 0.0, 0.05, -INF, 9.0, 2.0, INF])
    for word in ('inf', 'zero', 'nan', 'max'):
        spec = LidarSpec(word, (-2.0, 1.5))
        scans = values[(rng.random((300, 360)) ** rng.uniform(0.1, 9.0, (300, 1)) * 7).astype(int)]
        together = is_evidence(scans, FULL, spec)
        assert together.tolist() == [not why_no_evidence(each, FULL, spec) for each in scans]
        assert 0 < together.sum() < 300


@pytest.mark.parametrize(('geometry', 'words'), [
    ({'beams': 0}, 'no beams'), ({'beams': 1}, 'must have 4'), ({'beams': 10 ** 6}, 'must have'),
    ({'angle_min': NAN}, 'radians'), ({'angle_max': -INF}, 'radians'),
    ({'angle_min': -180.0, 'increment': 1.0, 'angle_max': 179.0}, 'degrees'),
    ({'increment': 0.0}, 'do not reach'), ({'increment': 1e-38}, 'do not reach'),
    ({'increment': -FULL.increment}, 'do not reach'), ({'angle_max': 0.0}, 'do not reach'),
    ({'beams': 90}, 'do not reach'), ({'range_min': -0.1}, 'range_min must be below'),
    ({'range_max': 0.1}, 'range_min must be below'), ({'range_max': NAN}, 'range_min must be'),
    ({'range_min': 120.0, 'range_max': 8000.0}, 'millimetres'), ({'range_min': 2.5}, 'metres')])
def test_what_a_driver_says_of_its_scan_must_agree(geometry, words):
    got = FULL._replace(**geometry)
    assert words in why_no_evidence(np.full(max(got.beams, 0), 2.0), got)
    assert why_no_evidence(np.full(360, 2.0), FULL) == ''


def test_a_scan_goes_on_as_it_began():
    assert why_another(FULL, FULL._replace(beams=355, increment=2 * math.pi / 355)) == ''
    for other in ({'beams': 90}, {'angle_min': 0.0}, {'range_max': 0.2}, {'range_min': 1.0},
                  {'increment': -FULL.increment}):
        assert 'go on as it began' in why_another(FULL, FULL._replace(**other)), other


def test_values_that_may_mean_no_return_are_named():
    half = np.where(np.arange(360) % 2, 0.0, 2.0)
    assert 'no_return: zero' in unread(half, FULL)[0]
    assert unread(half, FULL, LidarSpec('zero')) == []
    assert 'no_return: nan' in unread(np.where(half, half, NAN), FULL)[0]
    assert unread(np.where(np.arange(360) % 20, 2.0, 0.0), FULL) == [], 'dropouts'


def test_something_too_near_never_reads_as_free():
    ranges = np.full(360, INF, dtype=np.float32)
    ranges[[4, 100]] = -INF, 0.05
    sectors = sector_minimum(ranges, 0.0, math.radians(1.0), 0.1, 4.0, 36)
    assert np.flatnonzero(np.isnan(sectors)).tolist() == [0, 10]


def test_a_scan_that_is_no_evidence_has_no_sectors():
    ranges = np.full(360, NAN, dtype=np.float32)
    ranges[:100] = 2.0
    assert np.isnan(sector_minimum(ranges, 0.0, math.radians(1.0), 0.1, 4.0, 36)).all()
    zero = np.where(np.isnan(ranges), 0.0, ranges)
    seen = sector_minimum(zero, 0.0, math.radians(1.0), 0.1, 4.0, 36, spec=LidarSpec('zero'))
    assert seen[2] == 2.0 and seen[20] == 4.0


FIELD = "sectors: 9, field_of_view_rad: [-2.0, 1.0]"
TASK = """
contract: part
version: 1
rate_hz: 10
observation:
  lidar: {topic: scan, type: sensor_msgs/msg/LaserScan, feature: lidar_sectors, range_max_m: 4.0,
          FIELD}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields: [{name: twist.linear.x, unit: m/s, min: 0.0, max: 0.5, max_rate: 2.0}]
  on_stale: stop
"""


def test_sectors_cover_what_a_lidar_sees_when_the_contract_says_so():
    feature = parse_contract(TASK.replace('FIELD', FIELD)).sources[0].feature
    step = 3.0 / 299
    ranges = np.full(300, 3.0, dtype=np.float32)
    ranges[0], ranges[150], ranges[-1] = 1.0, 1.5, 2.0
    scan = SimpleNamespace(ranges=ranges, angle_min=-2.0, angle_max=1.0, angle_increment=step,
                           range_min=0.1, range_max=8.0)
    seen = feature.encode({'lidar': scan})
    assert seen.tolist() == [1.0, 3.0, 3.0, 3.0, 1.5, 3.0, 3.0, 3.0, 2.0]
    assert feature.mirror is None, 'left is not as right'
    both = parse_contract(TASK.replace('FIELD', FIELD.replace('1.0', '2.0'))).sources[0].feature
    assert both.mirror[0] == (8, 7, 6, 5, 4, 3, 2, 1, 0)


@pytest.mark.parametrize('field', ['[1.0, -1.0]', '[0.0, 7.0]', '[0.0]', '[-200, -100]'])
def test_a_field_of_view_that_is_none_is_an_error(field):
    with pytest.raises(ContractError, match='field_of_view_rad'):
        parse_contract(TASK.replace('FIELD', f'sectors: 9, field_of_view_rad: {field}'))


def test_sectors_that_nothing_looks_into_are_named_with_what_to_write():
    part = ScanGeometry(271, -2.356, 4.712 / 270, 0.1, 8.0, 2.356)
    text = unseen_sectors('lidar', Sectors(36), part)
    assert 'field_of_view_rad: [-2.36, 2.36]' in text and 'sectors' in text
    assert unseen_sectors('lidar', Sectors(36, (-2.36, 2.36)), part) == ''
    assert 'Lower `sectors`' in unseen_sectors('lidar', Sectors(36), ScanGeometry(
        10, 0.0, 2 * math.pi / 10, 0.1, 8.0))


def test_what_is_declared_changes_observations_and_not_the_hash(clutter):
    declared = clutter.declaring(LidarSpec('zero'))
    assert declared.hash == clutter.hash and declared.lidar.no_return == 'zero'
    ranges = np.where(np.arange(360) % 3, 0.0, 2.0).astype(np.float32)
    scan = SimpleNamespace(ranges=ranges, angle_min=FULL.angle_min, angle_max=FULL.angle_max,
                           angle_increment=FULL.increment, range_min=0.12, range_max=8.0)
    plain, told = (next(s.feature for s in c.sources if s.name == 'lidar').encode({'lidar': scan})
                   for c in (clutter, declared))
    assert np.isnan(plain).all() and (told == 2.0).all()
    columns = [np.array([getattr(scan, path)] * 2) for _, path in next(
        s.feature for s in declared.sources if s.name == 'lidar').fields]
    many = next(s.feature for s in declared.sources if s.name == 'lidar').encode_columns(columns)
    assert many.tobytes() == np.stack([told, told]).tobytes()


@pytest.mark.parametrize(('text', 'spec'), [
    ('', LidarSpec()), ('lidar: {no_return: zero}', LidarSpec('zero')),
    ('lidar: {no_return: nan}', LidarSpec('nan')), ('lidar: {no_return: .nan}', LidarSpec('nan')),
    ('lidar: {no_return: inf}', LidarSpec()),
    ('lidar: {sees_rad: [-1.5, 2.0]}', LidarSpec(sees_rad=(-1.5, 2.0)))])
def test_a_profile_declares_its_lidar(tmp_path, text, spec):
    file = tmp_path / 'mine.yaml'
    file.write_text(f'robot: mine\n{text}\n')
    assert load_lidar(file) == spec


@pytest.mark.parametrize('text', ['no_return: 0', 'no_return: none', 'sees_rad: [1.0, -1.0]',
                                  'sees_rad: [0.0, 9.0]', 'sees_rad: 3.0', 'sees: [0, 1]',
                                  'no_return: [zero]'])
def test_a_mistake_in_a_declaration_is_named(tmp_path, text):
    file = tmp_path / 'mine.yaml'
    file.write_text(f'robot: mine\nlidar: {{{text}}}\n')
    with pytest.raises(ContractError, match=r'lidar'):
        load_lidar(file)


@pytest.mark.parametrize('name', ['turtlebot3', 'turtlebot4', 'sim_diff_drive',
                                  'diff_drive_controller'])
def test_shipped_profiles_declare_nothing_unusual(name):
    assert load_lidar(config_file('robots', name)) == LidarSpec()


def test_a_sector_of_which_most_is_not_measured_is_not_known():
    ranges = np.full(360, 2.0, dtype=np.float32)
    ranges[20:80] = math.nan
    ranges[20:80:10] = math.inf
    nearest = sector_minimum(ranges, 0.0, math.radians(1.0), 0.1, 4.0, 36, range_max=10.0)
    assert np.isnan(nearest[3:8]).all()
    assert (nearest[np.r_[0:2, 9:36]] == 2.0).all()
    ranges[20:80] = math.nan
    ranges[20:80:3] = 1.0  # a third: still most is not
    assert np.isnan(sector_minimum(ranges, 0.0, math.radians(1.0), 0.1, 4.0, 36,
                                   range_max=10.0)[3:8]).all()
    ranges[20:80:2] = 1.0
    assert (sector_minimum(ranges, 0.0, math.radians(1.0), 0.1, 4.0, 36,
                           range_max=10.0)[3:8] == 1.0).all()
