"""Hostile YAML is refused in one line, before anything large is built."""

from pathlib import Path
import time

import pytest

from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.contract.yaml_data import MAX_DEPTH, parse_yaml, read_yaml, yaml_text
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_file, resource_file
from ilw_learner.training.config import load_config
from ilw_teleop.arbiter.robot_profile import load_profile
from ilw_teleop.joystick.layout import load_joystick

BOMB = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n' + ''.join(
    f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]\n' for i in range(1, 10))
MERGE_BOMB = 'm0: &m0 {k: 1}\n' + ''.join(
    f'm{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}]}}\n' for i in range(1, 40))


@pytest.mark.parametrize('text', [
    BOMB, MERGE_BOMB,
    'a: &a [*a]',
    '[' * 5000,
    'a: ' + '{b: ' * (MAX_DEPTH + 1) + '1',
    'a: !!python/object/apply:os.system [true]',
    'a: !!int ""', 'a: !!float ""', 'a: !!bool maybe', 'a: !!timestamp never',
    'a: 0x' + 'f' * 5000,
    'a: 1' + ':59' * 300_000,
    'a: 1' + ':59' * 3000 + '.0',
    'a: 2001-99-99',
    'a: 1\na: 2',
    '1: a', 'true: a', '[a]: b', '~: a',
    '"\ud800"',
], ids=lambda text: text[:24])
def test_what_is_not_plain_data_is_refused_at_once(text):
    begin = time.process_time()
    with pytest.raises(ContractError, match='is not valid YAML'):
        parse_yaml(text, 'it')
    assert time.process_time() - begin < 10.0  # bombs take forever, not ten seconds


def test_an_alias_that_stands_for_little_is_fine():
    assert parse_yaml('a: &x [1, 2]\nb: *x', 'it') == {'a': [1, 2], 'b': [1, 2]}


@pytest.mark.parametrize(('text', 'number'), [
    ('1e+04', 1e4), ('-4e-05', -4e-5), ('1e4', 1e4), ('+2E3', 2e3), ('1.5e3', 1.5e3),
    ('.16', 0.16), ('-.16', -0.16), ('+.5', 0.5), ('.5e-1', 0.05), ('-.5E+1', -5.0),
    ('5.', 5.0), ('-5.', -5.0), ('5.e2', 500.0), ('+1.5', 1.5), ('1.23e+03', 1230.0),
    ('0e0', 0.0), ('007e1', 70.0),
])
def test_every_number_of_yaml_1_2_is_one(text, number):
    for around in ('a: {}', 'a: [{}]', '{{a: {}}}', 'a: {} # why'):
        value = parse_yaml(around.format(text), 'it')['a']
        value = value[0] if isinstance(value, list) else value
        assert type(value) is float and value == number


@pytest.mark.parametrize('text', [
    '1e+', 'e5', '.e5', '.', '+.', '1.2.3', '1e5m', '08', '0o17', '-nan', 'nan', '1e4_0',
    '--1e4', '1e4.5', '0x1e+4g', '1,5'])
def test_what_only_looks_like_a_number_stays_a_text(text):
    assert parse_yaml(f'a: {text}', 'it') == {'a': text}


@pytest.mark.parametrize('text', ['1e+04', '-.16', '5.', '12'])
def test_a_number_in_quotes_stays_a_text(text):
    assert parse_yaml(f'a: "{text}"\nb: \'{text}\'', 'it') == {'a': text, 'b': text}


@pytest.mark.parametrize(('text', 'value'), [
    ('1_000', 1000), ('1_000.5', 1000.5), ('yes', True), ('off', False), ('0x1F', 31), ('17', 17),
    ('010', 8), ('1.5', 1.5), ('~', None)])
def test_what_yaml_1_1_reads_otherwise_is_read_as_before(text, value):
    got = parse_yaml(f'a: {text}', 'it')['a']
    assert got == value and type(got) is type(value)


def test_base_sixty_is_refused_as_before():
    with pytest.raises(ContractError, match='put it in quotes'):
        parse_yaml('a: 1:30', 'it')


@pytest.mark.parametrize('value', [
    '1e5', '1234e56', '-.5', '5.', '12', 'yes', 1e-5, 1e22, 0.1, -3, 'plain', [1.5, '1e5'],
    {'git': '12345e7'}])
def test_what_is_written_is_read_back_as_it_was(value):
    for short_lists in (False, True):
        assert parse_yaml(yaml_text({'a': value}, short_lists=short_lists), 'it') == {'a': value}


def test_a_file_that_is_too_large_or_no_file_is_not_read(tmp_path):
    large = tmp_path / 'large.yaml'
    with large.open('wb') as stream:
        stream.truncate(10 ** 12)  # sparse: a terabyte that takes no space
    for path in (large, Path('/dev/zero'), tmp_path, tmp_path / 'x\0y', tmp_path / ('n' * 300)):
        with pytest.raises(ContractError, match=r'than|cannot be read'):
            read_yaml(path, 'a test')


def test_every_reader_of_yaml_refuses_a_bomb_and_a_wrong_encoding(tmp_path):
    for data in (BOMB.encode(), b'\xff\xfe', b'a: [' * 2000):
        file = tmp_path / 'x.yaml'
        file.write_bytes(data)
        for read in (load_contract, load_joystick, load_profile,
                     lambda path: load_config(path, 'maze')):
            with pytest.raises(IlwError):
                read(file)


@pytest.mark.parametrize(('old', 'new'), [
    ('sectors: 36 ', 'sectors: 999999999999 '),        # a tuple of a terabyte
    ('tolerance_ms: 200', 'tolerance_ms: 1.0e+308'),   # nanoseconds beyond every number
    ('timeout_s: 40', 'timeout_s: 1.0e+308'),
    ('max: 0.5', 'max: 1.0e+308'),
    ('max_rate: 2.0', f'max_rate: 1{"0" * 60}'),
    ('twist.linear.x', '__class__.x'),
    ('twist.angular.z', 'twist.linear.x'),
    ('topic: scan\n', 'topic: a//b\n'),
    ('safety: ', 'safety: {deceleration_mps2: 1, footprint: {radius_m: 1}, '
                 'scan: {topic: /etc}}\nold: '),
    ('sensor_msgs/msg/LaserScan', '"sensor_msgs/msg/LaserScan\\n"'),
    ('topic: goal\n', 'topic: odom\n'),                # one topic, two types
    ('task: clutter', '1: a\n  b: c'),                 # keys that cannot be sorted
])
def test_a_contract_with_a_wild_value_is_refused(old, new):
    text = config_file('tasks', 'clutter').read_text()
    assert old in text
    with pytest.raises(ContractError):
        parse_contract(text.replace(old, new, 1))


def test_an_error_never_repeats_all_of_a_huge_value():
    text = config_file('tasks', 'clutter').read_text()
    with pytest.raises(ContractError) as caught:
        parse_contract(text.replace('rate_hz: 10 ', f'rate_hz: [{"1, " * 20_000}1] '))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize('name', [
    'package:////etc/passwd', 'package://../etc/passwd', 'package://ilw_sim/../../setup.py',
    'package:///etc/passwd', 'x\0y', 'n' * 300])
def test_a_resource_cannot_leave_its_package(name, tmp_path, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    with pytest.raises(IlwError):
        resource_file(name, tmp_path)
