"""How a robot moves in one tick, and what odometry makes of it, compiled."""

import math

from ilw_sim.batch.compiled import (
    CLEAR,
    HALF,
    LEFT,
    ODOM_X,
    ODOM_Y,
    ODOM_YAW,
    ONE,
    PI,
    RIGHT,
    SCALE_L,
    SCALE_R,
    SPEED,
    TABLE_MASK,
    TURN,
    TWO_PI,
    WORLD,
    YAW,
    ZERO,
    F,
    X,
    Y,
    draw,
    jit,
)
from ilw_sim.batch.lidar import clearance


@jit
def drive(i, base, forward, turn, pool, p, r):
    """Move along exact arcs for one tick, the odometry with it; return whether it hit a shape."""
    s = r.state[i]
    room = pool.rooms[r.counts[i, WORLD]]
    half, fastest = HALF * turn * p.track_m, p.wheel_radps
    left, right = s[LEFT], s[RIGHT]
    gap_l = min(max((forward - half) / p.wheel_radius_m, -fastest), fastest) - left
    gap_r = min(max((forward + half) / p.wheel_radius_m, -fastest), fastest) - right
    largest = max(abs(gap_l), abs(gap_r))
    # Both wheels ramp in proportion: by this share of the gap in each physics step.
    share = ONE if largest <= p.ramp_radps else p.ramp_radps / largest
    physics, end = p.physics_steps, min(F(p.physics_steps) * share, ONE)
    travel = max(abs(left) + abs(gap_l), abs(right) + abs(gap_r)) * p.wheel_radius_m * p.period_s
    near = s[CLEAR] <= travel
    cos, sin = math.cos(s[YAW]), math.sin(s[YAW])
    done, summed, turned_l, turned_r = 0, ZERO, ZERO, ZERO
    hit = False
    for k in range(p.arcs):
        upto = physics * (k + 1) // p.arcs
        total = _ramped(share, upto)
        roll_l = (left * F(upto - done) + gap_l * (total - summed)) * p.timestep_s
        roll_r = (right * F(upto - done) + gap_r * (total - summed)) * p.timestep_s
        done, summed = upto, total
        turned_l, turned_r = turned_l + roll_l, turned_r + roll_r
        cos, sin = roll(s, cos, sin, roll_l, roll_r, p)
        if near:
            s[CLEAR] = clearance(room, s[X], s[Y], pool) - p.robot_radius_m
            if s[CLEAR] <= ZERO:
                hit = True
                break
    if not near:
        s[CLEAR] -= travel  # at least so much is left
    s[LEFT], s[RIGHT] = left + gap_l * end, right + gap_r * end
    s[YAW] = wrapped(s[YAW])
    bits = draw(base, 9)
    odometry(s, turned_l * (s[SCALE_L] + p.odom_slip * p.normal[bits & TABLE_MASK]),
              turned_r * (s[SCALE_R] + p.odom_slip * p.normal[(bits >> 12) & TABLE_MASK]), p)
    return hit


@jit
def _ramped(share, steps):
    """Return the sum of min(1, k * share) over physics steps k = 1 ... ``steps``."""
    ramp = min(steps, int(ONE / share))
    return share * F(ramp * (ramp + 1)) * HALF + F(steps - ramp)


@jit
def roll(s, cos, sin, roll_l, roll_r, p):
    """Move along one arc; return the new heading's cosine and sine."""
    turn_rad = (roll_r - roll_l) * p.wheel_radius_m / p.track_m
    # Sine and cosine of half the turn, which is below 0.15 rad: exact in float32
    h = HALF * turn_rad
    hh = h * h
    sinc = ONE - hh * (F(1 / 6) - hh * F(1 / 120))
    hs, hc = h * sinc, ONE - hh * (HALF - hh * F(1 / 24))
    middle_c, middle_s = cos * hc - sin * hs, sin * hc + cos * hs
    chord = HALF * (roll_l + roll_r) * p.wheel_radius_m * sinc
    s[X], s[Y], s[YAW] = s[X] + chord * middle_c, s[Y] + chord * middle_s, s[YAW] + turn_rad
    return middle_c * hc - middle_s * hs, middle_s * hc + middle_c * hs


@jit
def wrapped(angle):
    """Return an angle in [-pi, pi], if it was at most a turn beyond."""
    return angle - TWO_PI if angle > PI else (angle + TWO_PI if angle < -PI else angle)


@jit
def odometry(s, left_rad, right_rad, p):
    """Advance the odometry by what the wheels measured: one arc per tick, nominal geometry."""
    distance = HALF * (left_rad + right_rad) * p.wheel_radius_m
    turn = (right_rad - left_rad) * p.wheel_radius_m / p.track_m
    half = HALF * turn
    chord = distance * (math.sin(half) / half if abs(half) > F(1e-3) else ONE)
    s[ODOM_X] += chord * math.cos(s[ODOM_YAW] + half)
    s[ODOM_Y] += chord * math.sin(s[ODOM_YAW] + half)
    s[ODOM_YAW] = wrapped(s[ODOM_YAW] + turn)
    s[SPEED], s[TURN] = distance / p.period_s, turn / p.period_s
