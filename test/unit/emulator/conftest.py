"""An empty place, and machines with chosen traits in it."""

from dataclasses import replace
import math

import numpy as np
import pytest

from ilw_emulator.drive import EmulatedDrive
from ilw_emulator.room import Room
from ilw_emulator.traits import Body, DriveTraits
from ilw_emulator.world import EmulatedWorld

PLAIN = EmulatedWorld('plain', (0.0, 0.0, 0.0), (3.0, 0.0))
HALL = EmulatedWorld('hall', (1.0, 2.0, 0.0), (3.0, 2.0), walls=(
    (2.0, -0.05, 0.0, 2.1, 0.05), (2.0, 4.05, 0.0, 2.1, 0.05),
    (-0.05, 2.0, 0.0, 0.05, 2.0), (4.05, 2.0, 0.0, 0.05, 2.0)))
"""4 m by 4 m within its walls"""


class Course:
    """A base on an endless plain, driven by commands at chosen instants."""

    def __init__(self, world=PLAIN, seed=0, **traits):
        body = Body()
        self.drive = EmulatedDrive(replace(DriveTraits(timeout_s=60.0), **traits), body,
                                   Room(world, body.radius_m), world.start,
                                   np.random.default_rng(seed), 0)

    def at(self, seconds):
        self.drive.advance(round(seconds * 1e9))
        return self.drive

    def command(self, forward, turn, seconds=0.0):
        self.at(seconds).command(forward, turn, round(seconds * 1e9))
        return self

    def moved(self, begin_s, end_s):
        """Return the mean true speed and turn rate; it may turn half a circle at most."""
        x, y, yaw = self.at(begin_s).pose
        to_x, to_y, to_yaw = self.at(end_s).pose
        turn, seconds = to_yaw - yaw, end_s - begin_s
        bow = 0.5 * turn / math.sin(0.5 * turn) if turn else 1.0
        sign = math.cos(math.atan2(to_y - y, to_x - x) - yaw - 0.5 * turn)
        return math.copysign(math.hypot(to_x - x, to_y - y), sign) * bow / seconds, turn / seconds


@pytest.fixture
def course():
    """Return the class of a base on an endless plain: course(lag_s=0.1)."""
    return Course


@pytest.fixture
def hall():
    """Return a world of four walls."""
    return HALL
