"""The edge of the workspace, held to a robot that walks there, and to one that brakes there."""

from dataclasses import replace
import math

import numpy as np
import pytest
from slow_motion import along

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import WorkspaceSpec
from ilw_core.storage.locate import config_file
from ilw_teleop.guards.forward_stop import ForwardStop

P = 100_000_000
T0 = 1_000_000_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
LOW, HIGH = (-0.7, -1.1), (1.3, 0.4)


def boxed(*, brake=2.0, margin=0.02, fastest=3.0, low=LOW, high=HIGH):
    safety = replace(CLUTTER.safety, scan=None, deceleration_mps2=brake, margin_m=margin,
                     workspace=WorkspaceSpec('odom', low, high, 2 * P))
    action = replace(CLUTTER.action, low=np.array([-fastest, -4.0]),
                     high=np.array([fastest, 4.0]))
    return ForwardStop(replace(CLUTTER, safety=safety, action=action))


def over(at, low=LOW, high=HIGH):
    """Return by how much places ``(S,)`` are over each edge, ``(S, 4)``."""
    return np.stack([low[0] - at.real, at.real - high[0], low[1] - at.imag, at.imag - high[1]],
                    axis=1)


@pytest.mark.parametrize('reach', [0.1, 0.6, 2.5])
@pytest.mark.parametrize('speed', [-1.1, -0.3, 0.2, 0.9])
def test_the_way_to_the_edge_is_what_walking_it_finds(reach, speed):
    rng, ahead = np.random.default_rng(round(100 * reach)), boxed()
    reached = 0
    for _ in range(150):
        pose = rng.uniform(-0.7, 1.3), rng.uniform(-1.1, 0.4), rng.uniform(-3.1, 3.1)
        turn = rng.choice([0.0, rng.uniform(-1.5, 1.5)])
        ahead.place(T0, *pose)
        found = ahead._inside_m(speed, turn, reach)
        # Between two of the 24 places that are looked at it bends by so much from a straight line.
        bend = (reach / 23) ** 2 * abs(turn / speed) / 8 + 1e-9
        way = min(found, reach)
        walked = over(along(np.linspace(0.0, way, 2000), speed, turn, pose))
        assert walked.max() <= bend
        if found < math.inf:
            assert abs(walked[-1].max()) <= bend
            reached += 1
    assert reached > 5


@pytest.mark.parametrize('side', [1.0, -1.0])
@pytest.mark.parametrize('axis', [0, 1])
def test_over_an_edge_only_the_way_back_is_free_and_other_edges_count(side, axis):
    ahead = boxed(low=(-1.0, -1.0), high=(1.0, 1.0))
    outward = (0.0 if side > 0 else math.pi) + axis * math.pi / 2
    place = [0.0, 0.0]
    place[axis] = 1.2 * side
    for turned in np.linspace(-1.5, 1.5, 7):
        ahead.place(T0, *place, outward + turned)
        assert ahead._inside_m(0.5, 0.0, 0.6) == 0.0
        assert ahead._inside_m(-0.5, 0.0, 0.6) == math.inf
    ahead.place(T0, *place, outward + math.pi / 2)
    assert ahead._inside_m(0.5, 0.0, 0.6) == 0.0, 'along the edge is no way back'
    place[1 - axis] = 0.9
    heading = (0.0 if axis else math.pi / 2)  # toward the other edge, 0.1 m away, and back in
    back = math.copysign(0.3, -side if axis else side)
    ahead.place(T0, *place, heading + back)
    assert ahead._inside_m(0.5, 0.0, 0.6) == pytest.approx(0.1 / math.cos(0.3))


@pytest.mark.parametrize('yaw', [0.0, 0.3, -2.9, 1.2, -1.2])
def test_on_the_very_edge_everything_but_the_way_out_is_free(yaw):
    ahead = boxed(low=(-1.0, -1.0), high=(1.0, 1.0))
    for quarter, at in enumerate([(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)]):
        ahead.place(T0, *at, yaw + quarter * math.pi / 2)
        assert ahead._inside_m(0.5, 0.0, 0.6) == (0.0 if math.cos(yaw) > 0.0 else math.inf)
    ahead.place(T0, 1.0, 0.0, math.copysign(math.pi / 2, yaw))
    assert ahead._inside_m(0.5, 0.0, 0.6) == math.inf
    assert ahead._inside_m(0.5, math.copysign(0.1, yaw), 0.6) == math.inf


def test_who_stands_never_leaves():
    ahead = boxed()
    ahead.place(T0, 1.3, 0.4, 0.0)
    assert ahead._inside_m(0.0, 1.0, 1.0) == math.inf


@pytest.mark.parametrize(('brake', 'speed', 'margin'), [
    (2.0, 0.5, 0.02), (0.5, 1.0, 0.02), (0.5, 1.0, 0.0), (1.0, 3.0, 0.0), (0.4, 0.9, 0.0)])
@pytest.mark.parametrize('turn', [0.0, 0.1])
def test_a_robot_that_brakes_as_promised_stays_in_its_box(brake, speed, margin, turn):
    """However weak its brakes are: the way to the edge is no coarser than the way to stop."""
    rng = np.random.default_rng(1)
    for _ in range(8):
        ahead = boxed(brake=brake, margin=margin, low=(-20.0, -20.0), high=(3.0, 20.0))
        at, yaw, now, told = complex(rng.uniform(-6.0, -3.0), 0.0), 0.0, 0.0, np.zeros(2)
        farthest = -math.inf
        for tick in range(250):
            ahead.place(T0 + tick * P, at.real, at.imag, yaw)
            command, _ = ahead.slow(np.array([speed, turn]), T0 + tick * P)
            ahead.sent(command, T0 + tick * P)
            for _ in range(20):  # it obeys one period late
                now = max(told[0], now - brake * 0.005)
                at += now * 0.005 * complex(math.cos(yaw), math.sin(yaw))
                yaw += turn * 0.005 * (now > 0.0)
            farthest = max(farthest, at.real)
            told = command
        assert farthest < 3.0 + 2e-3, 'out of its box'
        assert farthest > 2.9 - margin or turn
