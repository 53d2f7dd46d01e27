"""The lidar's mount in tf against the contract's: each coordinate, angles across half a turn."""

from dataclasses import replace
import math

import pytest

from ilw_core.base.frame_tree import FrameTree, transform
from ilw_teleop.arbiter.robot_interface import RobotInterface
from ilw_teleop.preflight.preflight import Preflight


def yawed(angle):
    return (0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2))


def problems(contract, wanted, found):
    """Return what is said of a lidar that is at ``found`` where the contract says ``wanted``."""
    scan = replace(contract.safety.scan, mount=wanted)
    check = Preflight(replace(contract, safety=replace(contract.safety, scan=scan)),
                      RobotInterface(), 0)
    check.tree.take('base_link', 'base_scan', transform((*found[:2], 0.1), yawed(found[2])))
    return check._mount_problems('base_link', 'base_scan')


@pytest.mark.parametrize('wanted', [(0.12, -0.07, 0.9), (-0.3, 0.2, -2.5), (0.0, 0.15, math.pi),
                                    (0.1, 0.0, -math.pi)])
def test_a_mount_that_is_as_the_contract_says_passes_whichever_way_it_turns(clutter, wanted):
    for off in (0.0, 2 * math.pi, -2 * math.pi, 0.049, -0.049):
        assert problems(clutter, wanted, (*wanted[:2], wanted[2] + off)) == []
    assert problems(clutter, (*wanted[:2], wanted[2] - 2 * math.pi), wanted) == []


@pytest.mark.parametrize('off', [(0.031, 0.0, 0.0), (-0.031, 0.0, 0.0), (0.0, 0.031, 0.0),
                                 (0.0, -0.031, 0.0), (0.0, 0.0, 0.051), (0.0, 0.0, -0.051),
                                 (0.0, 0.0, math.pi), (0.0, 0.0, math.pi / 2)])
@pytest.mark.parametrize('wanted', [(0.12, -0.07, 0.9), (0.0, 0.15, 3.13)])
def test_each_coordinate_that_is_off_is_told_with_what_to_write(clutter, wanted, off):
    found = tuple(a + b for a, b in zip(wanted, off, strict=True))
    said, = problems(clutter, wanted, found)
    yaw = math.remainder(found[2], 2 * math.pi)
    assert f'mount: [{found[0]:.3f}, {found[1]:.3f}, {yaw:.3f}]' in said


@pytest.mark.parametrize('off', [(0.029, 0.0, 0.0), (0.0, -0.029, 0.0), (0.029, 0.029, 0.04)])
def test_a_hands_accuracy_is_enough(clutter, off):
    assert problems(clutter, (0.1, 0.2, -1.0), (0.1 + off[0], 0.2 + off[1], -1.0 + off[2])) == []


def test_a_chain_of_frames_adds_up_in_order():
    tree = FrameTree()
    tree.take('base', 'mast', transform((0.2, -0.1, 0.5), yawed(math.pi / 2)))
    tree.take('mast', 'laser', transform((0.3, 0.05, 0.0), yawed(-0.4)))
    rotation, translation = tree.between('base', 'laser')
    assert translation == pytest.approx([0.2 - 0.05, -0.1 + 0.3, 0.5])
    assert math.atan2(rotation[1, 0], rotation[0, 0]) == pytest.approx(math.pi / 2 - 0.4)
    back, moved = tree.between('laser', 'base')
    assert (back @ translation + moved) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
