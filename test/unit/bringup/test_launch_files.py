"""The shipped launch files, where launch_ros is installed (it is not on PyPI)."""

from pathlib import Path
import runpy

import pytest

LAUNCH = Path(__file__).resolve().parents[3] / 'launch'
FILES = sorted(LAUNCH.glob('*.launch.py'))


def test_every_bringup_has_its_launch_file():
    from ilw_bringup.bringup import BRINGUPS

    assert {p.name.removesuffix('.launch.py') for p in FILES} == set(BRINGUPS)


@pytest.mark.parametrize('path', FILES, ids=lambda p: p.name)
def test_a_launch_file_declares_and_starts_what_the_bringup_says(path):
    pytest.importorskip('launch_ros', reason='launch_ros comes with a ROS installation, not PyPI')
    from launch.actions import DeclareLaunchArgument, OpaqueFunction

    from ilw_bringup.bringup import BRINGUPS, resolve
    from launch import LaunchContext

    name = path.name.removesuffix('.launch.py')
    description = runpy.run_path(str(path))['generate_launch_description']()
    context, started = LaunchContext(), []
    for entity in description.entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.visit(context)
        elif isinstance(entity, OpaqueFunction):
            started = entity.visit(context)
    bringup, values = resolve(name, {})
    assert [n.node_executable for n in started] == [s.executable for s in bringup.nodes(values)]
    declared = [a.name for a in description.get_launch_arguments()]
    assert declared == [a.name for a in BRINGUPS[name].arguments]
