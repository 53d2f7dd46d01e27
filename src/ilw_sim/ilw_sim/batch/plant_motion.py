"""How a robot moves whose base is drawn from a profile, compiled: ``actuation.py``'s twin."""

import math

from ilw_sim.batch.compiled import (
    ACCELERATION,
    ASKED,
    ASKED_TURN,
    BASES,
    CLEAR,
    COMMAND_AT,
    COMMAND_TICKS,
    DEAD,
    DECAY,
    DELAY_S,
    FORWARD,
    GAIN,
    HALF,
    LAG_S,
    LEFT,
    MEAN,
    ODOM_AT,
    ODOM_DELAY_S,
    ODOM_NOISE,
    ODOM_TICKS,
    ODOM_TURN_NOISE,
    ODOM_X,
    ONE,
    PAST_ODOM_X,
    PAST_SPEED,
    PAST_TURN,
    PAST_X,
    PULL,
    RIGHT,
    ROLLED_L,
    ROLLED_R,
    SCALE_L,
    SCALE_R,
    SCAN_AT,
    SCAN_DELAY_S,
    SCAN_TICKS,
    STEP,
    TABLE_MASK,
    TURN_ACCELERATION,
    TURN_DEAD,
    TURN_DECAY,
    TURN_GAIN,
    TURN_LAG_S,
    TURN_MEAN,
    TURNING,
    WORLD,
    YAW,
    ZERO,
    F,
    X,
    Y,
    draw,
    jit,
    uniform,
)
from ilw_sim.batch.lidar import clearance
from ilw_sim.batch.motion import odometry, roll, wrapped


@jit
def drive_plant(i, base, forward, turn, pool, p, r):
    """Do as ``drive`` does with a base of a profile, one physics step after the other."""
    s, b, late, step = r.state[i], r.base[i], r.late[i], r.counts[i, STEP]
    room, queue = pool.rooms[r.counts[i, WORLD]], r.queue[i]
    slots = queue.shape[0]
    queue[step % slots, 0], queue[step % slots, 1] = _target(b, forward, turn)
    newer = queue[(step + slots - late[COMMAND_TICKS]) % slots]
    older = queue[(step + slots - late[COMMAND_TICKS] - 1) % slots]
    left, right, speed, turning = s[LEFT], s[RIGHT], b[FORWARD], b[TURNING]
    asked, asked_turn = b[ASKED], b[ASKED_TURN]
    most, most_turn = b[ACCELERATION] * p.timestep_s, b[TURN_ACCELERATION] * p.timestep_s
    fastest = max(max(abs(newer[0]), abs(older[0])), max(abs(speed), abs(asked)))
    fastest += HALF * p.track_m * max(max(abs(newer[1]), abs(older[1])),
                                      max(abs(turning), abs(asked_turn)))
    travel = max(fastest, max(abs(left), abs(right)) * p.wheel_radius_m) * p.period_s
    near = s[CLEAR] <= travel
    cos, sin = math.cos(s[YAW]), math.sin(s[YAW])
    roll_l, roll_r = ZERO, ZERO
    hit = False
    for k in range(p.physics_steps):
        wanted, wanted_turn = newer[0], newer[1]
        if k < late[COMMAND_AT]:
            wanted, wanted_turn = older[0], older[1]
        asked, wanted = _ramp(asked, wanted, most)
        asked_turn, wanted_turn = _ramp(asked_turn, wanted_turn, most_turn)
        gap, gap_turn = speed - wanted, turning - wanted_turn
        speed, turning = wanted + gap * b[DECAY], wanted_turn + gap_turn * b[TURN_DECAY]
        mean, half = wanted + gap * b[MEAN], HALF * p.track_m * (
            wanted_turn + gap_turn * b[TURN_MEAN])
        gap_l = min(max((mean - half) / p.wheel_radius_m, -p.wheel_radps), p.wheel_radps) - left
        gap_r = min(max((mean + half) / p.wheel_radius_m, -p.wheel_radps), p.wheel_radps) - right
        largest = max(abs(gap_l), abs(gap_r))
        share = ONE if largest <= p.ramp_radps else p.ramp_radps / largest
        left, right = left + gap_l * share, right + gap_r * share
        roll_l, roll_r = roll_l + left * p.timestep_s, roll_r + right * p.timestep_s
        done = k + 1
        arc = done * p.arcs // p.physics_steps != k * p.arcs // p.physics_steps
        if arc or done == late[SCAN_AT] or done == late[ODOM_AT]:
            cos, sin = roll(s, cos, sin, roll_l, roll_r, p)
            b[ROLLED_L], b[ROLLED_R] = b[ROLLED_L] + roll_l, b[ROLLED_R] + roll_r
            roll_l, roll_r = ZERO, ZERO
            if near:
                s[CLEAR] = clearance(room, s[X], s[Y], pool) - p.robot_radius_m
                hit = s[CLEAR] <= ZERO
            # A collision ends the tick: what would be noted later is noted now.
            if done == late[ODOM_AT] or (hit and done < late[ODOM_AT]):
                _note_odometry(i, base, left, right, p, r)
            if done == late[SCAN_AT] or (hit and done < late[SCAN_AT]):
                _note_pose(i, r)
            if hit:
                break
    if not near:
        s[CLEAR] -= travel
    s[LEFT], s[RIGHT], b[FORWARD], b[TURNING] = left, right, speed, turning
    b[ASKED], b[ASKED_TURN] = asked, asked_turn
    s[YAW] = wrapped(s[YAW])
    return hit


@jit
def draw_plant(i, base, p, r):
    """Draw a base from the profile and let it rest: nothing under way, nothing moved yet."""
    b, late, steps = r.base[i], r.late[i], p.physics_steps
    for k in range(p.plant_low.shape[0]):
        b[k] = uniform(base, 16 + k, p.plant_low[k], p.plant_high[k])
    b[DECAY], b[MEAN] = _lag(b[LAG_S], p.timestep_s)
    b[TURN_DECAY], b[TURN_MEAN] = _lag(b[TURN_LAG_S], p.timestep_s)
    for k in range(ASKED, BASES):
        b[k] = ZERO
    delay = int(b[DELAY_S] / p.timestep_s + HALF)
    scan = int(b[SCAN_DELAY_S] / p.timestep_s + HALF)
    odom = int(b[ODOM_DELAY_S] / p.timestep_s + HALF)
    late[COMMAND_TICKS], late[COMMAND_AT] = delay // steps, delay % steps
    late[SCAN_TICKS], late[SCAN_AT] = scan // steps, steps - scan % steps
    late[ODOM_TICKS], late[ODOM_AT] = odom // steps, steps - odom % steps
    forward, turn = _target(b, F(p.stop[p.forward]), F(p.stop[p.turn]))
    for k in range(r.queue.shape[1]):
        r.queue[i, k, 0], r.queue[i, k, 1] = forward, turn
    for k in range(r.past.shape[1]):
        for j in range(3):
            r.past[i, k, PAST_X + j] = r.state[i, X + j]
            r.past[i, k, PAST_ODOM_X + j] = r.state[i, ODOM_X + j]
        r.past[i, k, PAST_SPEED] = r.past[i, k, PAST_TURN] = ZERO


@jit
def _target(b, forward, turn):
    """Return the (speed, turn rate) that a command leads to in the end."""
    forward = ZERO if abs(forward) < b[DEAD] else b[GAIN] * forward
    turn = ZERO if abs(turn) < b[TURN_DEAD] else b[TURN_GAIN] * turn
    return forward, turn + b[PULL] * forward


@jit
def _ramp(asked, target, most):
    """Return a setpoint after a physics step, and its mean meanwhile."""
    if abs(target - asked) <= most:
        return target, target
    step = most if target > asked else -most
    return asked + step, asked + HALF * step


@jit
def _lag(lag_s, timestep_s):
    """Return which part of a gap is left after a time step, and on average during it."""
    if lag_s <= ZERO:
        return ZERO, ZERO
    share = timestep_s / lag_s
    decay = math.exp(-share)
    # 1 - decay loses its digits where the lag is long; there the series is exact to 1e-6
    mean = (ONE - decay) / share if share > F(0.02) else ONE - share * HALF
    return decay, mean


@jit
def _note_odometry(i, base, left, right, p, r):
    """Let the odometry take in what rolled, and keep what it says for the tick it is told in."""
    s, b = r.state[i], r.base[i]
    now = r.past[i, r.counts[i, STEP] % r.past.shape[1]]
    bits = draw(base, 9)
    scale_l = s[SCALE_L] + p.odom_slip * p.normal[bits & TABLE_MASK]
    scale_r = s[SCALE_R] + p.odom_slip * p.normal[(bits >> 12) & TABLE_MASK]
    odometry(s, b[ROLLED_L] * scale_l, b[ROLLED_R] * scale_r, p)
    b[ROLLED_L] = b[ROLLED_R] = ZERO
    for j in range(3):
        now[PAST_ODOM_X + j] = s[ODOM_X + j]
    left, right, bits = left * scale_l, right * scale_r, draw(base, 10)
    now[PAST_SPEED] = HALF * (left + right) * p.wheel_radius_m + b[ODOM_NOISE] * p.normal[
        bits & TABLE_MASK]
    now[PAST_TURN] = (right - left) * p.wheel_radius_m / p.track_m + b[ODOM_TURN_NOISE] * p.normal[
        (bits >> 12) & TABLE_MASK]


@jit
def _note_pose(i, r):
    """Keep where the robot is for the tick in which the scan from there is told."""
    now = r.past[i, r.counts[i, STEP] % r.past.shape[1]]
    for j in range(3):
        now[PAST_X + j] = r.state[i, X + j]
