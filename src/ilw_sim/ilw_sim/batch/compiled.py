"""
What the compiled files share: how numba compiles, the columns of the arrays, random numbers.

With ``lidar.py``, ``motion.py``, ``plant_motion.py`` and ``kernel.py`` the twin of ``world.py``,
``actuation.py``, ``sensors.py``, ``disturbance.py`` and ``env.py``; ``test/parity`` holds them to
those. Plain scalar functions that numba compiles for CPU and for CUDA. float32 throughout: a bare
``0.5`` would make it float64, so constants are ``F(0.5)``. See ``arrays.py``.
"""

from dataclasses import fields
import math

from numba import njit
import numpy as np

from ilw_core.base.plant import Plant

F = np.float32
# Without nnan and ninf, which would let the compiler assume that nothing is infinite.
FAST = {'contract', 'reassoc', 'arcp', 'nsz', 'afn'}
jit = njit(_nrt=False, forceinline=True, fastmath=FAST, error_model='numpy')
"""For what is part of a larger function: not cached, as numba notices changes of one file only"""

# Columns of ``Robots.state``, float32
X, Y, YAW, LEFT, RIGHT, ODOM_X, ODOM_Y, ODOM_YAW, SCALE_L, SCALE_R = range(10)
CLEAR, VEER_TURN, NOISE, SPEED, TURN = range(10, 15)
STATES = 15
# Columns of ``Robots.counts``, int32
STEP, VEER_TICKS, WORLD, TICK = range(4)
COUNTS = 4
# Columns of ``Robots.base``, float32: first the fields of ``Plant``, in its order
(DELAY_S, LAG_S, TURN_LAG_S, GAIN, TURN_GAIN, PULL, DEAD, TURN_DEAD, ODOM_DELAY_S, SCAN_DELAY_S,
 LIDAR_NOISE, ODOM_NOISE, ODOM_TURN_NOISE, ACCELERATION,
 TURN_ACCELERATION) = range(len(fields(Plant)))
(DECAY, MEAN, TURN_DECAY, TURN_MEAN, ASKED, ASKED_TURN, FORWARD, TURNING, ROLLED_L,
 ROLLED_R) = range(15, 25)
BASES = 25
# Columns of ``Robots.late``, int32: whole ticks of a delay, and when in a tick the rest is over
COMMAND_TICKS, COMMAND_AT, SCAN_TICKS, SCAN_AT, ODOM_TICKS, ODOM_AT = range(6)
LATES = 6
# Columns of ``Robots.past``, float32: the pose that a scan is seen from; then what odometry says
PAST_X, PAST_Y, PAST_YAW, PAST_ODOM_X, PAST_ODOM_Y, PAST_ODOM_YAW, PAST_SPEED, PAST_TURN = range(8)
PASTS = 8

ZERO, ONE, HALF = F(0.0), F(1.0), F(0.5)
PI, TWO_PI = F(math.pi), F(2.0 * math.pi)
TABLE_MASK = 4095    # of the 4096 normal quantiles


@jit
def mix(x):
    """Scramble 32 bits (Wellons' lowbias32); in int64, where no product overflows."""
    x = (((x & 0xFFFFFFFF) ^ ((x & 0xFFFFFFFF) >> 16)) * 0x21F0AAAD) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x735A2D97) & 0xFFFFFFFF
    return x ^ (x >> 15)


@jit
def draw(base, index):
    """Return the 32 random bits of an index."""
    return mix(base + index * 0x3779B97F)


@jit
def uniform(base, index, low, high):
    """Return a number in [low, high), of 24 random bits."""
    return low + (high - low) * F(draw(base, index) >> 8) * F(2.0 ** -24)
