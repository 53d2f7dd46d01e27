"""One tick of one robot and of many, compiled; see ``compiled.py``."""

import math
from pathlib import Path
import zlib

from numba import njit, prange

from ilw_sim.batch.compiled import (
    CLEAR,
    FAST,
    HALF,
    LEFT,
    NOISE,
    ODOM_TICKS,
    ODOM_X,
    ODOM_Y,
    ODOM_YAW,
    ONE,
    PAST_ODOM_X,
    PAST_ODOM_Y,
    PAST_ODOM_YAW,
    PAST_SPEED,
    PAST_TURN,
    PAST_X,
    PAST_Y,
    PAST_YAW,
    RIGHT,
    SCALE_L,
    SCALE_R,
    SCAN_TICKS,
    SPEED,
    STEP,
    TABLE_MASK,
    TICK,
    TURN,
    VEER_TICKS,
    VEER_TURN,
    WORLD,
    YAW,
    ZERO,
    F,
    X,
    Y,
    draw,
    jit,
    mix,
    uniform,
)
from ilw_sim.batch.lidar import look
from ilw_sim.batch.motion import drive
from ilw_sim.batch.plant_motion import draw_plant, drive_plant

_BLOCK = 64  # robots; entering the parallel body counts references of every array
_FILES = ('compiled.py', 'lidar.py', 'motion.py', 'plant_motion.py', 'kernel.py')
_SOURCES = zlib.crc32(b''.join(Path(__file__).with_name(name).read_bytes() for name in _FILES))


@jit
def _ago(i, ticks, r):
    """Return the row of ``past`` that was written so many ticks before the newest tick."""
    slots = r.past.shape[1]
    return (r.counts[i, STEP] - 1 - ticks + 2 * slots) % slots


@jit
def _observe(i, base, pool, p, r, row):
    """Measure, into ``row`` (Do,) in contract order; the clearance is known afterwards."""
    s = r.state[i]
    world = r.counts[i, WORLD]
    if p.lidar_at >= 0:
        ranges = r.ranges[i]
        x, y, yaw = s[X], s[Y], s[YAW]
        moved = ZERO
        if p.plant:
            seen = r.past[i, _ago(i, r.late[i, SCAN_TICKS], r)]
            x, y, yaw = seen[PAST_X], seen[PAST_Y], seen[PAST_YAW]
            moved = math.sqrt((s[X] - x) * (s[X] - x) + (s[Y] - y) * (s[Y] - y))
        # Where the robot is by now, at least so much is left.
        s[CLEAR] = look(pool.rooms[world], x, y, math.cos(yaw), math.sin(yaw), p.reach_m, pool, p,
                        ranges) - p.robot_radius_m - moved
        for k in range(p.sectors):
            row[p.lidar_at + k] = p.empty[k]
        for j in range(ranges.shape[0] // 2):
            noisy = ranges[j] + s[NOISE] * p.normal[draw(base, 16 + j) & TABLE_MASK]
            ranges[j] = max(noisy, p.range_min_m) if ranges[j] < p.reach_m else F(math.inf)
        for j in range(ranges.shape[0] // 2):
            at = p.lidar_at + p.slots[j]
            row[at] = min(row[at], ranges[j])
    x, y, yaw, speed, turn = s[ODOM_X], s[ODOM_Y], s[ODOM_YAW], s[SPEED], s[TURN]
    if p.plant:
        told = r.past[i, _ago(i, r.late[i, ODOM_TICKS], r)]
        x, y, yaw = told[PAST_ODOM_X], told[PAST_ODOM_Y], told[PAST_ODOM_YAW]
        speed, turn = told[PAST_SPEED], told[PAST_TURN]
    cos, sin = math.cos(yaw), math.sin(yaw)
    if p.goal_at >= 0:
        dx, dy = pool.goals[world, 0] - x, pool.goals[world, 1] - y
        distance = math.sqrt(dx * dx + dy * dy)
        row[p.goal_at] = min(distance, p.goal_max_m)
        if distance == ZERO:  # atan2(0, 0) is 0
            dx, distance = ONE, ONE
        row[p.goal_at + 1] = (dy * cos - dx * sin) / distance
        row[p.goal_at + 2] = (dx * cos + dy * sin) / distance
    if p.twist_at >= 0:
        row[p.twist_at], row[p.twist_at + 1] = speed, turn
    if p.pose_at >= 0:
        at = p.pose_at
        row[at], row[at + 1], row[at + 2], row[at + 3] = x, y, sin, cos


@jit
def _begin(i, base, pool, p, r):
    """Start the next episode of a robot: a world of the pool, a base of the profile."""
    s, c = r.state[i], r.counts[i]
    worlds = pool.starts.shape[0]
    c[STEP], c[VEER_TICKS] = 0, 0
    c[WORLD] = i % worlds if p.in_order else (draw(base, 0) * worlds) >> 32
    start = pool.starts[c[WORLD]]
    for k in range(3):
        s[k] = s[ODOM_X + k] = start[k]
    s[LEFT] = s[RIGHT] = s[SPEED] = s[TURN] = s[VEER_TURN] = s[CLEAR] = ZERO
    bits = draw(base, 1)
    s[SCALE_L] = ONE + p.odom_scale * p.normal[bits & TABLE_MASK]
    s[SCALE_R] = ONE + p.odom_scale * p.normal[(bits >> 12) & TABLE_MASK]
    s[NOISE] = uniform(base, 4, p.noise_low_m, p.noise_high_m)
    for d in range(p.stop.shape[0]):
        r.previous[i, d] = p.stop[d]
    if p.plant:
        draw_plant(i, base, p, r)
    _observe(i, mix(base + 1), pool, p, r, r.obs[i])
    for k in range(p.rule_ticks.shape[0]):
        r.held[i, k] = 0
    _ruled(i, p, r, r.obs[i])


@jit
def _ruled(i, p, r, row):
    """Return the first rule of the contract that ends the episode, after ``row``; -1: none."""
    ended = -1
    for k in range(p.rule_ticks.shape[0]):
        met = True
        for d in range(row.shape[0]):
            met &= (row[d] > p.rule_above[k, d]) & (row[d] < p.rule_below[k, d])
        r.held[i, k] = r.held[i, k] + 1 if met else 0
        if ended < 0 and r.held[i, k] >= p.rule_ticks[k]:
            ended = k
    return ended


@jit
def _command(i, base, indices, wanted, p, r):
    """Return (forward [m/s], turn [rad/s]) to drive: limited as the arbiter does, veered."""
    s, c = r.state[i], r.counts[i]
    for d in range(p.low.shape[0]):
        want = p.table[indices[i], d] if p.discrete else float(wanted[i, d])
        want = min(max(want, p.low[d]), p.high[d])
        before = r.previous[i, d]
        r.previous[i, d] = min(max(want, before - p.step[d]), before + p.step[d])
        r.applied[i, d] = r.previous[i, d]
    forward, turn = F(r.applied[i, p.forward]), F(r.applied[i, p.turn])
    if c[VEER_TICKS] == 0 and uniform(base, 6, ZERO, ONE) < p.veer_chance:
        c[VEER_TICKS] = int(uniform(base, 7, p.veer_low, p.veer_high) + HALF)
        s[VEER_TURN] = uniform(base, 8, -p.veer_turn_radps, p.veer_turn_radps)
    if c[VEER_TICKS] > 0:
        c[VEER_TICKS] -= 1
        if forward != ZERO or turn != ZERO:  # a robot that is told to stand stands
            turn += s[VEER_TURN]
    return forward, turn


@jit
def step_robot(i, indices, wanted, pool, p, r):
    """Drive robot ``i`` for one tick, judge it as ``tasks.judge`` does, begin anew at the end."""
    s, c = r.state[i], r.counts[i]
    c[TICK] += 1
    base = mix(r.keys[i] + mix(int(c[TICK])))
    forward, turn = _command(i, base, indices, wanted, p, r)
    if p.plant:
        hit = drive_plant(i, base, forward, turn, pool, p, r)
    else:
        hit = drive(i, base, forward, turn, pool, p, r)
    c[STEP] += 1
    dx, dy = s[X] - pool.goals[c[WORLD], 0], s[Y] - pool.goals[c[WORLD], 1]
    goal = (not hit) and dx * dx + dy * dy <= p.goal_radius_m * p.goal_radius_m
    late = (not hit) and (not goal) and c[STEP] >= p.last_step
    extra = p.reward_collision if hit else (p.reward_goal if goal else ZERO)
    ended = hit or goal or late
    _observe(i, base, pool, p, r, r.final_obs[i])
    rule = _ruled(i, p, r, r.final_obs[i])
    ruled = rule >= 0 and not ended
    if ruled:
        extra, goal = p.rule_reward[rule], p.rule_succeeds[rule]
    r.reward[i], r.truncated[i] = p.reward_step + extra, late
    r.terminated[i] = (ended and not late) or ruled
    r.success[i], r.step[i] = goal, c[STEP]
    if ended or ruled:
        _begin(i, mix(base + 2), pool, p, r)
    else:
        for k in range(r.obs.shape[1]):
            r.obs[i, k] = r.final_obs[i, k]


@jit
def reset_robot(i, pool, p, r):
    """Begin a new episode of robot ``i``."""
    r.counts[i, TICK] += 1
    _begin(i, mix(r.keys[i] + mix(int(r.counts[i, TICK]))), pool, p, r)


# Numba's cache of a function is renewed when its own file changes, or a value that it closes
# over: so what is cached closes over a digest of all the files that are compiled into it.


def _blocks(sources):
    @njit(cache=True, _nrt=False, forceinline=True, fastmath=FAST, error_model='numpy')
    def step_block(first, last, indices, wanted, pool, p, r):
        _ = sources
        for i in range(first, last):
            step_robot(i, indices, wanted, pool, p, r)

    @njit(cache=True, _nrt=False, forceinline=True, fastmath=FAST, error_model='numpy')
    def reset_block(first, last, pool, p, r):
        _ = sources
        for i in range(first, last):
            reset_robot(i, pool, p, r)

    return step_block, reset_block


step_block, reset_block = _blocks(_SOURCES)


def _all(sources):
    @njit(cache=True, parallel=True, fastmath=FAST, error_model='numpy')
    def step_all(indices, wanted, pool, p, r):
        _ = sources
        robots = r.state.shape[0]
        for k in prange((robots + _BLOCK - 1) // _BLOCK):
            step_block(k * _BLOCK, min((k + 1) * _BLOCK, robots), indices, wanted, pool, p, r)

    @njit(cache=True, parallel=True, fastmath=FAST, error_model='numpy')
    def reset_all(pool, p, r):
        _ = sources
        robots = r.state.shape[0]
        for k in prange((robots + _BLOCK - 1) // _BLOCK):
            reset_block(k * _BLOCK, min((k + 1) * _BLOCK, robots), pool, p, r)

    return step_all, reset_all


step_all, reset_all = _all(_SOURCES)
"""Step and reset every robot on the CPU's cores"""
