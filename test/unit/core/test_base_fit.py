"""A contract is held to the base that is to obey it: speeds, sizes, times; and xacro is named."""

from dataclasses import replace
import os
import stat

import pytest

from ilw_core.base.base_fit import (
    BaseFigures,
    far_too_slow,
    misfits,
    profile_base,
    read_base,
    scene_base,
    too_far,
)
from ilw_core.base.urdf import read_urdf
from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError
from ilw_sim.physics.robot import robot_of
from ilw_teleop.arbiter.robot_profile import doubts, load_profile

XACRO = 'xmlns:xacro="http://www.ros.org/wiki/xacro"'


def urdf(speed='20', radius='0.05', half='0.125', body='0.3 0.2 0.1', root='', more=''):
    wheels = ''.join(
        f'<link name="{side}"><collision><geometry><cylinder radius="{radius}" length="0.02"/>'
        f'</geometry></collision></link><joint name="{side}_joint" type="continuous">'
        f'<parent link="base_link"/><child link="{side}"/>'
        f'<origin xyz="0 {sign}{half} 0.05" rpy="-1.5707963 0 0"/>'
        f'<limit velocity="{speed}" effort="1"/></joint>'
        for side, sign in (('left', ''), ('right', '-')))
    return (f'<robot name="own" {root}>{more}<link name="base_link"><collision><geometry>'
            f'<box size="{body}"/></geometry></collision></link>{wheels}</robot>')


def written(folder, text, name='own.urdf'):
    (folder / name).write_text(text)
    return folder / name


def test_a_base_is_what_the_urdf_says(tmp_path):
    base = read_base(written(tmp_path, urdf()))
    assert base.speed_mps == pytest.approx(1.0) and base.track_m == pytest.approx(0.25)
    assert base.radius_m == pytest.approx(0.1803, abs=1e-4)   # a corner of the box
    assert base.name == 'the URDF own.urdf'


@pytest.mark.parametrize('text', [
    '<robot name="stone"><link name="base_link"/></robot>',
    urdf().replace('continuous', 'fixed')])
def test_what_a_urdf_does_not_say_is_not_known(tmp_path, text):
    base = read_base(written(tmp_path, text))
    assert (base.speed_mps, base.track_m, base.radius_m) == (None, None, None)


def test_a_body_of_meshes_has_no_size_but_its_wheels_have_a_speed(tmp_path):
    text = urdf().replace('<box size="0.3 0.2 0.1"/>', '<mesh filename="package://x/y.stl"/>')
    base = read_base(written(tmp_path, text))
    assert base.radius_m is None and base.speed_mps == pytest.approx(1.0)


@pytest.mark.parametrize(('speed_mps', 'part'), [
    (0.01, '2% of it'), (0.1, '20% of it'), (0.25, '50% of it'), (0.45, '90% of it')])
def test_wheels_that_turn_too_slowly_are_told_by_how_much(clutter, speed_mps, part):
    found = misfits(clutter, BaseFigures('the URDF x', speed_mps, None, None))
    assert len(found) == 1 and part in found[0]
    assert 'twist.linear.x: clutter asks for up to 0.5 m/s' in found[0]
    assert bool(far_too_slow(clutter, BaseFigures('x', speed_mps))) is (speed_mps < 0.245)


@pytest.mark.parametrize('speed_mps', [0.5, 0.495, 3.0, None])
def test_wheels_that_turn_fast_enough_are_no_news(clutter, speed_mps):
    assert misfits(clutter, BaseFigures('x', speed_mps, 0.3, None)) == []


@pytest.mark.parametrize(('track_m', 'wrong'), [(0.6, False), (0.8, True), (2.0, True)])
def test_turning_takes_speed_too(clutter, track_m, wrong):
    found = misfits(clutter, BaseFigures('x', 0.5, track_m, None))   # 1.5 rad/s * 0.4 m = 0.6 m/s
    assert [text.split(':')[0] for text in found] == ['twist.angular.z'] * wrong


@pytest.mark.parametrize(('radius_m', 'write'), [
    (0.16, ''), (0.164, ''), (0.18, '0.18'), (0.2501, '0.26'), (1.0, '1.00')])
def test_a_base_larger_than_the_footprint_is_told_what_to_write(clutter, radius_m, write):
    found = misfits(clutter, BaseFigures('x', None, None, radius_m))
    assert bool(found) is bool(write)
    assert not write or found[0].endswith(f'Write radius_m: {write}')


def test_without_a_footprint_no_size_is_wrong(clutter):
    bare = parse_contract(clutter.text.partition('safety:')[0])
    assert misfits(bare, BaseFigures('x', None, None, 5.0)) == []


@pytest.mark.parametrize(('way_m', 'timeout_s', 'write'), [
    (20.0, 40.0, ''), (20.3, 40.0, ''), (20.4, 40.0, 'timeout_s: 61'), (3.0, 5.0, 'timeout_s: 9'),
    (100.0, 40.0, 'timeout_s: 300'), (0.2, 0.1, '')])
def test_a_way_that_takes_longer_than_the_time_is_told_what_to_write(
        clutter, way_m, timeout_s, write):
    said = too_far(replace(clutter, timeout_s=timeout_s), way_m)
    assert bool(said) is bool(write) and write in said


@pytest.mark.parametrize('speed', ['0.2', '1', '4.5'])
def test_the_simulator_refuses_a_base_that_cannot_do_half_of_what_is_asked(
        clutter, tmp_path, speed):
    written(tmp_path, urdf(speed))
    contract = replace(clutter, folder=tmp_path, scene=clutter.scene | {'robot': 'own.urdf'})
    with pytest.raises(ContractError, match=r'asks for up to 0\.5 m/s, the wheels of the URDF'):
        robot_of(contract)


def test_the_simulator_refuses_goals_that_nobody_can_reach_in_time(clutter, maze):
    from ilw_sim.env import make_env

    with pytest.raises(ContractError, match=r'start_to_goal_m.*timeout_s is 2'):
        make_env(replace(clutter, timeout_s=2.0))
    with pytest.raises(ContractError, match=r'rows: .* m to the goal take .*timeout_s is 5'):
        make_env(replace(maze, timeout_s=5.0))


@pytest.mark.parametrize(('text', 'named'), [
    (urdf('1'), ['twist.linear.x', 'twist.angular.z', 'safety.footprint']),
    (urdf('20', body='0.1 0.1 0.1'), []),
    (urdf('20', body='0.9 0.1 0.1'), ['safety.footprint'])])
def test_the_arbiter_tells_what_profile_and_contract_contradict(clutter, tmp_path, text, named):
    written(tmp_path, text)
    profile = tmp_path / 'own.yaml'
    profile.write_text('robot: own\ncommand_timeout_s: 0.5\nurdf: own.urdf\nwheels: {left: '
                       'left_joint, right: right_joint, radius_m: 0.05}\n')
    assert [t.split(':')[0] for t in doubts(clutter, load_profile(profile))] == named
    assert profile_base(profile).track_m == pytest.approx(0.25)


@pytest.mark.parametrize(('scene', 'speed_mps'), [
    ({'robot': 'own.urdf'}, 1.0), ({'robot': 'own.urdf', 'wheel_radius_m': 0.1}, 2.0),
    ({'robot': 'own.urdf', 'wheel_joints': ['left_joint', 'right_joint']}, 1.0),
    ({'robot': 'sim_diff_drive'}, 0.99)])
def test_the_base_that_a_contract_names_is_held_to_it(clutter, tmp_path, scene, speed_mps):
    written(tmp_path, urdf())
    own = replace(clutter, folder=tmp_path, scene=clutter.scene | scene)
    assert scene_base(own).speed_mps == pytest.approx(speed_mps)
    assert scene_base(clutter) is None


@pytest.mark.parametrize(('name', 'text', 'command'), [
    ('base.urdf.xacro', urdf(root=XACRO, more='<xacro:property name="r" value="1"/>'),
     'base.urdf.xacro > '),
    ('base.xacro', urdf(radius='${r}'), 'base.xacro > '),
    ('base.urdf', urdf(root=XACRO, more='<xacro:include filename="$(find x)/y"/>'),
     'base.urdf > '),
    ('base.urdf', '<robot name="a"><xacro:wheel side="left"/></robot>', 'base.urdf > '),
    ('a b.urdf', urdf(half='$(arg half)'), "a b.urdf' > ")])
def test_what_is_xacro_is_called_so_with_the_command_to_run(
        tmp_path, monkeypatch, name, text, command):
    monkeypatch.setenv('PATH', str(tmp_path / 'nothing'))
    path = written(tmp_path, text, name)
    with pytest.raises(ContractError, match='this is xacro, not yet a URDF: run `xacro ') as said:
        read_base(path)
    assert command in str(said.value) and str(said.value).count('.urdf') >= 1
    target = str(said.value).split(' > ')[1].split('` and')[0].strip("'")
    assert target.endswith('.urdf') and target != str(path)


@pytest.mark.parametrize('text', [
    urdf(root=XACRO),                                  # what xacro leaves in what it made
    urdf(more='<!-- made by <xacro:robot/> of ${r} -->')])
def test_what_xacro_made_is_a_urdf(tmp_path, monkeypatch, text):
    monkeypatch.setenv('PATH', str(tmp_path / 'nothing'))
    assert read_urdf(written(tmp_path, text)).get('name') == 'own'


def program(folder, text):
    """Put a program ``xacro`` into a folder of its own."""
    path = folder / 'bin' / 'xacro'
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f'{path.parent}{os.pathsep}{os.environ["PATH"]}'


@pytest.mark.parametrize('name', ['own.xacro', 'own.urdf.xacro', 'own; touch x.xacro'])
def test_xacro_is_run_where_there_is_one(tmp_path, monkeypatch, name, clutter):
    (tmp_path / 'made').write_text(urdf())
    monkeypatch.setenv('PATH', program(tmp_path, f'test -f "$1" && cat {tmp_path}/made'))
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, urdf(radius='${r}', root=XACRO), name)
    assert read_base(path).speed_mps == pytest.approx(1.0)
    assert not (tmp_path / 'x.xacro').exists()
    own = replace(clutter, folder=tmp_path, scene=clutter.scene | {'robot': name})
    assert robot_of(own).track_m == pytest.approx(0.25)


@pytest.mark.parametrize(('does', 'words'), [
    ('echo "no such package: x" >&2; exit 2', 'did not expand it: no such package: x'),
    ('exec sleep 30', 'did not expand it.*timed out')])
def test_xacro_that_fails_is_told_in_its_words(tmp_path, monkeypatch, does, words):
    monkeypatch.setattr('ilw_core.base.urdf._XACRO_S', 0.5)
    monkeypatch.setenv('PATH', program(tmp_path, does))
    with pytest.raises(ContractError, match=words):
        read_urdf(written(tmp_path, urdf(radius='${r}'), 'own.xacro'))
