"""
One tick of many robots, as plain scalar functions that numba compiles for CPU and for CUDA.

The twin of ``world.py``, ``sensors.py``, ``disturbance.py`` and ``env.py``; ``test/parity`` holds
it to them. All compiled code is here: numba's cache notices changes of one file only. float32
throughout: a bare ``0.5`` would make it float64, so constants are ``F(0.5)``. See ``arrays.py``.
"""

import math

from numba import njit, prange
import numpy as np

F = np.float32
# Without nnan and ninf, which would let the compiler assume that nothing is infinite.
_FAST = {'contract', 'reassoc', 'arcp', 'nsz', 'afn'}
_jit = njit(cache=True, _nrt=False, forceinline=True, fastmath=_FAST, error_model='numpy')
_parallel = njit(cache=True, parallel=True, fastmath=_FAST, error_model='numpy')
_BLOCK = 64  # robots; entering the parallel body counts references of every array

# Columns of ``Robots.state``, float32
X, Y, YAW, LEFT, RIGHT, ODOM_X, ODOM_Y, ODOM_YAW, SCALE_L, SCALE_R = range(10)
CLEAR, VEER_TURN, RADIUS, TRACK, NOISE, SPEED, TURN = range(10, 17)
STATES = 17
# Columns of ``Robots.counts``, int32
STEP, VEER_TICKS, WORLD, TICK, DELAY = range(5)
COUNTS = 5

_ZERO, _ONE, _HALF = F(0.0), F(1.0), F(0.5)
_PI, _TWO_PI = F(math.pi), F(2.0 * math.pi)
_PAD_RAD = F(0.004)   # more than the error of _rough_angle: it may only add beams to look at
_TABLE_MASK = 4095    # of the 4096 normal quantiles


@_jit
def _mix(x):
    """Scramble 32 bits (Wellons' lowbias32); in int64, where no product overflows."""
    x = (((x & 0xFFFFFFFF) ^ ((x & 0xFFFFFFFF) >> 16)) * 0x21F0AAAD) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x735A2D97) & 0xFFFFFFFF
    return x ^ (x >> 15)


@_jit
def _draw(base, index):
    """Return the 32 random bits of an index."""
    return _mix(base + index * 0x3779B97F)


@_jit
def _uniform(base, index, low, high):
    """Return a number in [low, high), of 24 random bits."""
    return low + (high - low) * F(_draw(base, index) >> 8) * F(2.0 ** -24)


@_jit
def _rough_angle(y, x):
    """Return atan2 to within 0.002 rad, in a quarter of its time."""
    ax, ay = abs(x), abs(y)
    a = min(ax, ay) / max(max(ax, ay), F(1e-20))
    angle = a * (F(0.7853982) + (_ONE - a) * (F(0.2447) + F(0.0663) * a))
    if ay > ax:
        angle = F(math.pi / 2) - angle
    if x < _ZERO:
        angle = _PI - angle
    return -angle if y < _ZERO else angle


@_jit
def _shape_distance(shape, x, y):
    """Return the distance of a point from a shape's surface [m], negative inside."""
    dx, dy = x - shape[0], y - shape[1]
    if shape[5] < _ZERO:
        return math.sqrt(dx * dx + dy * dy) - shape[4]
    u = abs(shape[2] * dx + shape[3] * dy) - shape[4]
    v = abs(shape[2] * dy - shape[3] * dx) - shape[5]
    pu, pv = max(u, _ZERO), max(v, _ZERO)
    return math.sqrt(pu * pu + pv * pv) + min(max(u, v), _ZERO)


@_jit
def _wall_distance(bounds, x, y):
    """Return the distance of a point from the walls around it [m], negative outside."""
    return min(min(x - bounds[0], bounds[1] - x), min(y - bounds[2], bounds[3] - y))


@_jit
def _clearance(room, x, y, pool):
    """Return the distance of a point from a room's nearest shape [m]."""
    nearest = _wall_distance(pool.bounds[room], x, y)
    for k in range(pool.counts[room]):
        nearest = min(nearest, _shape_distance(pool.shapes[room, k], x, y))
    return nearest


@_jit
def _look(room, x, y, cos, sin, reach, pool, p, ranges):
    """
    Put what each beam meets within ``reach`` into ``ranges``; return the clearance [m].

    ``ranges`` is (2 R,), and beam R + j is beam j again: so no loop needs to go round a corner.

    A convex shape at distance d lies behind the tangent through its nearest point, so only beams
    within acos(d / reach) of that point's bearing, or within its bounding circle, can meet it.
    """
    beams = ranges.shape[0] // 2
    per_rad = F(beams) / _TWO_PI
    bounds = pool.bounds[room]
    to_left, to_right = bounds[0] - x, bounds[1] - x
    to_below, to_above = bounds[2] - y, bounds[3] - y
    for j in range(beams):
        per_x = _ONE / (p.beam_cos[j] * cos - p.beam_sin[j] * sin)  # infinite along a wall
        per_y = _ONE / (p.beam_sin[j] * cos + p.beam_cos[j] * sin)
        wall_x = max(to_right * per_x, to_left * per_x)
        wall_y = max(to_above * per_y, to_below * per_y)
        ranges[j] = min(min(wall_x, wall_y), reach)
        ranges[j + beams] = reach
    nearest = _wall_distance(bounds, x, y)
    for k in range(pool.counts[room]):
        shape = pool.shapes[room, k]
        dx, dy = x - shape[0], y - shape[1]
        away = math.sqrt(dx * dx + dy * dy)
        if away - shape[6] >= reach:
            nearest = min(nearest, reach)
            continue
        u, v = shape[2] * dx + shape[3] * dy, shape[2] * dy - shape[3] * dx
        half_u, half_v = shape[4], shape[5]
        circle = half_v < _ZERO
        # (gu, gv): from the robot to the shape's centre or its nearest point, in its frame
        if circle:
            gu, gv = -u, -v
            distance = away - half_u
        else:
            gu = min(max(u, -half_u), half_u) - u
            gv = min(max(v, -half_v), half_v) - v
            distance = math.sqrt(gu * gu + gv * gv)
            if distance == _ZERO:
                distance = max(abs(u) - half_u, abs(v) - half_v)
        nearest = min(nearest, distance)
        if distance >= reach:
            continue
        first, last = 0, beams - 1
        turn_cos = shape[2] * cos + shape[3] * sin  # from the shape's frame to the robot's
        turn_sin = shape[2] * sin - shape[3] * cos
        if distance > _ZERO:
            narrow = distance / reach
            round_sin = shape[6] / away
            round_cos = math.sqrt(max(_ONE - round_sin * round_sin, _ZERO))
            if circle or (away > shape[6] and round_cos > narrow):
                narrow, gu, gv = round_cos, -u, -v
            bearing = _rough_angle(gv * turn_cos - gu * turn_sin, gu * turn_cos + gv * turn_sin)
            half = _rough_angle(math.sqrt(max(_ONE - narrow * narrow, _ZERO)), narrow) + _PAD_RAD
            # Both rounded down by a cast of a positive number: libm's floor is a call
            first = int((bearing - half) * per_rad + F(2 * beams)) + 1 - 2 * beams
            last = int((bearing + half) * per_rad + F(2 * beams)) - 2 * beams
            last = min(last, first + beams - 1)
        # The faces towards the robot; where it is abreast of the box, the far one, which is later
        face_u = (half_u if u > _ZERO else -half_u) - u
        face_v = (half_v if v > _ZERO else -half_v) - v
        if first < 0:
            first, last = max(first + beams, 0), last + beams  # not below 0: vector code
        met_m = ranges[first:last + 1]
        beam_cos, beam_sin = p.beam_cos[first:last + 1], p.beam_sin[first:last + 1]
        if circle:
            for j in range(met_m.shape[0]):
                du = beam_cos[j] * turn_cos - beam_sin[j] * turn_sin
                dv = beam_sin[j] * turn_cos + beam_cos[j] * turn_sin
                along = -(du * u + dv * v)
                under = half_u * half_u - (away * away - along * along)
                met = (along > _ZERO) & (under >= _ZERO)
                t = along - math.sqrt(max(under, _ZERO)) if met else reach
                met_m[j] = min(met_m[j], t)
            continue
        for j in range(met_m.shape[0]):
            du = beam_cos[j] * turn_cos - beam_sin[j] * turn_sin
            dv = beam_sin[j] * turn_cos + beam_cos[j] * turn_sin
            at_u, at_v = face_u / du, face_v / dv
            met_u = (at_u > _ZERO) & (abs(v + at_u * dv) <= half_v)
            met_v = (at_v > _ZERO) & (abs(u + at_v * du) <= half_u)
            t = min(at_u if met_u else reach, at_v if met_v else reach)
            met_m[j] = min(met_m[j], t)
    for j in range(beams):
        ranges[j] = min(ranges[j], ranges[j + beams])
    return nearest


@_jit
def _observe(i, base, pool, p, r, row):
    """Measure, into ``row`` (Do,) in contract order; the clearance is known afterwards."""
    s = r.state[i]
    world = r.counts[i, WORLD]
    if p.lidar_at >= 0:
        ranges = r.ranges[i]
        s[CLEAR] = _look(pool.rooms[world], s[X], s[Y], math.cos(s[YAW]), math.sin(s[YAW]),
                         p.reach_m, pool, p, ranges) - p.robot_radius_m
        for k in range(p.sectors):
            row[p.lidar_at + k] = p.empty[k]
        for j in range(ranges.shape[0] // 2):
            noisy = ranges[j] + s[NOISE] * p.normal[_draw(base, 16 + j) & _TABLE_MASK]
            ranges[j] = max(noisy, p.range_min_m) if ranges[j] < p.reach_m else F(1e9)
        for j in range(ranges.shape[0] // 2):
            at = p.lidar_at + p.slots[j]
            row[at] = min(row[at], ranges[j])
    cos, sin = math.cos(s[ODOM_YAW]), math.sin(s[ODOM_YAW])
    if p.goal_at >= 0:
        dx, dy = pool.goals[world, 0] - s[ODOM_X], pool.goals[world, 1] - s[ODOM_Y]
        distance = math.sqrt(dx * dx + dy * dy)
        row[p.goal_at] = min(distance, p.goal_max_m)
        if distance == _ZERO:  # atan2(0, 0) is 0
            dx, distance = _ONE, _ONE
        row[p.goal_at + 1] = (dy * cos - dx * sin) / distance
        row[p.goal_at + 2] = (dx * cos + dy * sin) / distance
    if p.twist_at >= 0:
        row[p.twist_at], row[p.twist_at + 1] = s[SPEED], s[TURN]
    if p.pose_at >= 0:
        at = p.pose_at
        row[at], row[at + 1], row[at + 2], row[at + 3] = s[ODOM_X], s[ODOM_Y], sin, cos


@_jit
def _begin(i, base, pool, p, r):
    """Start the next episode of a robot: a world of the pool, a robot of the ranges."""
    s, c = r.state[i], r.counts[i]
    worlds = pool.starts.shape[0]
    c[STEP], c[VEER_TICKS] = 0, 0
    c[WORLD] = i % worlds if p.in_order else (_draw(base, 0) * worlds) >> 32
    start = pool.starts[c[WORLD]]
    for k in range(3):
        s[k] = s[ODOM_X + k] = start[k]
    s[LEFT] = s[RIGHT] = s[SPEED] = s[TURN] = s[VEER_TURN] = s[CLEAR] = _ZERO
    bits = _draw(base, 1)
    s[SCALE_L] = _ONE + p.odom_scale * p.normal[bits & _TABLE_MASK]
    s[SCALE_R] = _ONE + p.odom_scale * p.normal[(bits >> 12) & _TABLE_MASK]
    s[RADIUS] = p.wheel_radius_m * _uniform(base, 2, p.radius_low, p.radius_high)
    s[TRACK] = p.track_m * _uniform(base, 3, p.track_low, p.track_high)
    s[NOISE] = _uniform(base, 4, p.noise_low_m, p.noise_high_m)
    c[DELAY] = p.delay_low + ((_draw(base, 5) * (p.delay_high - p.delay_low + 1)) >> 32)
    for d in range(p.stop.shape[0]):
        r.previous[i, d] = p.stop[d]
    for k in range(r.queue.shape[1]):
        r.queue[i, k, 0], r.queue[i, k, 1] = F(p.stop[p.forward]), F(p.stop[p.turn])
    _observe(i, _mix(base + 1), pool, p, r, r.obs[i])


@_jit
def _command(i, base, indices, wanted, p, r):
    """Return (forward [m/s], turn [rad/s]) to drive: limited as the arbiter does, late, veered."""
    s, c = r.state[i], r.counts[i]
    for d in range(p.low.shape[0]):
        want = p.table[indices[i], d] if p.discrete else float(wanted[i, d])
        want = min(max(want, p.low[d]), p.high[d])
        before = r.previous[i, d]
        r.previous[i, d] = min(max(want, before - p.step[d]), before + p.step[d])
        r.applied[i, d] = r.previous[i, d]
    forward, turn = F(r.applied[i, p.forward]), F(r.applied[i, p.turn])
    if c[DELAY] > 0:
        line = r.queue[i, c[STEP] % c[DELAY]]
        forward, line[0] = line[0], forward
        turn, line[1] = line[1], turn
    if c[VEER_TICKS] == 0 and _uniform(base, 6, _ZERO, _ONE) < p.veer_chance:
        c[VEER_TICKS] = int(_uniform(base, 7, p.veer_low, p.veer_high) + _HALF)
        s[VEER_TURN] = _uniform(base, 8, -p.veer_turn_radps, p.veer_turn_radps)
    if c[VEER_TICKS] > 0:
        c[VEER_TICKS] -= 1
        if forward != _ZERO or turn != _ZERO:  # a robot that is told to stand stands
            turn += s[VEER_TURN]
    return forward, turn


@_jit
def _ramped(share, steps):
    """Return the sum of min(1, k * share) over physics steps k = 1 ... ``steps``."""
    ramp = min(steps, int(_ONE / share))
    return share * F(ramp * (ramp + 1)) * _HALF + F(steps - ramp)


@_jit
def _drive(i, base, forward, turn, pool, p, r):
    """Move along exact arcs for one tick, the odometry with it; return whether it hit a shape."""
    s = r.state[i]
    room = pool.rooms[r.counts[i, WORLD]]
    half, fastest = _HALF * turn * p.track_m, p.wheel_radps
    left, right = s[LEFT], s[RIGHT]
    gap_l = min(max((forward - half) / p.wheel_radius_m, -fastest), fastest) - left
    gap_r = min(max((forward + half) / p.wheel_radius_m, -fastest), fastest) - right
    largest = max(abs(gap_l), abs(gap_r))
    # Both wheels ramp in proportion: by this share of the gap in each physics step.
    share = _ONE if largest <= p.ramp_radps else p.ramp_radps / largest
    physics, end = p.physics_steps, min(F(p.physics_steps) * share, _ONE)
    travel = max(abs(left) + abs(gap_l), abs(right) + abs(gap_r)) * s[RADIUS] * p.period_s
    near = s[CLEAR] <= travel
    cos, sin = math.cos(s[YAW]), math.sin(s[YAW])
    done, summed, turned_l, turned_r = 0, _ZERO, _ZERO, _ZERO
    hit = False
    for k in range(p.arcs):
        upto = physics * (k + 1) // p.arcs
        total = _ramped(share, upto)
        roll_l = (left * F(upto - done) + gap_l * (total - summed)) * p.timestep_s
        roll_r = (right * F(upto - done) + gap_r * (total - summed)) * p.timestep_s
        done, summed = upto, total
        turned_l, turned_r = turned_l + roll_l, turned_r + roll_r
        turn_rad = (roll_r - roll_l) * s[RADIUS] / s[TRACK]
        # Sine and cosine of half the turn, which is below 0.15 rad: exact in float32
        h = _HALF * turn_rad
        hh = h * h
        sinc = _ONE - hh * (F(1 / 6) - hh * F(1 / 120))
        hs, hc = h * sinc, _ONE - hh * (_HALF - hh * F(1 / 24))
        middle_c, middle_s = cos * hc - sin * hs, sin * hc + cos * hs
        chord = _HALF * (roll_l + roll_r) * s[RADIUS] * sinc
        s[X], s[Y], s[YAW] = s[X] + chord * middle_c, s[Y] + chord * middle_s, s[YAW] + turn_rad
        cos, sin = middle_c * hc - middle_s * hs, middle_s * hc + middle_c * hs
        if near:
            s[CLEAR] = _clearance(room, s[X], s[Y], pool) - p.robot_radius_m
            if s[CLEAR] <= _ZERO:
                hit = True
                break
    if not near:
        s[CLEAR] -= travel  # at least so much is left
    s[LEFT], s[RIGHT] = left + gap_l * end, right + gap_r * end
    s[YAW] = _wrapped(s[YAW])
    bits = _draw(base, 9)
    _odometry(s, turned_l * (s[SCALE_L] + p.odom_slip * p.normal[bits & _TABLE_MASK]),
              turned_r * (s[SCALE_R] + p.odom_slip * p.normal[(bits >> 12) & _TABLE_MASK]), p)
    return hit


@_jit
def _wrapped(angle):
    """Return an angle in [-pi, pi], if it was at most a turn beyond."""
    return angle - _TWO_PI if angle > _PI else (angle + _TWO_PI if angle < -_PI else angle)


@_jit
def _odometry(s, left_rad, right_rad, p):
    """Advance the odometry by what the wheels measured: one arc per tick, nominal geometry."""
    distance = _HALF * (left_rad + right_rad) * p.wheel_radius_m
    turn = (right_rad - left_rad) * p.wheel_radius_m / p.track_m
    half = _HALF * turn
    chord = distance * (math.sin(half) / half if abs(half) > F(1e-3) else _ONE)
    s[ODOM_X] += chord * math.cos(s[ODOM_YAW] + half)
    s[ODOM_Y] += chord * math.sin(s[ODOM_YAW] + half)
    s[ODOM_YAW] = _wrapped(s[ODOM_YAW] + turn)
    s[SPEED], s[TURN] = distance / p.period_s, turn / p.period_s


@_jit
def step_robot(i, indices, wanted, pool, p, r):
    """Drive robot ``i`` for one tick, judge it as ``tasks.judge`` does, begin anew at the end."""
    s, c = r.state[i], r.counts[i]
    c[TICK] += 1
    base = _mix(r.keys[i] + _mix(int(c[TICK])))
    forward, turn = _command(i, base, indices, wanted, p, r)
    hit = _drive(i, base, forward, turn, pool, p, r)
    c[STEP] += 1
    dx, dy = s[X] - pool.goals[c[WORLD], 0], s[Y] - pool.goals[c[WORLD], 1]
    goal = (not hit) and dx * dx + dy * dy <= p.goal_radius_m * p.goal_radius_m
    late = (not hit) and (not goal) and c[STEP] >= p.last_step
    extra = p.reward_collision if hit else (p.reward_goal if goal else _ZERO)
    r.reward[i], r.terminated[i], r.truncated[i] = p.reward_step + extra, hit or goal, late
    r.success[i], r.step[i] = goal, c[STEP]
    _observe(i, base, pool, p, r, r.final_obs[i])
    if hit or goal or late:
        _begin(i, _mix(base + 2), pool, p, r)
    else:
        for k in range(r.obs.shape[1]):
            r.obs[i, k] = r.final_obs[i, k]


@_jit
def reset_robot(i, pool, p, r):
    """Begin a new episode of robot ``i``."""
    r.counts[i, TICK] += 1
    _begin(i, _mix(r.keys[i] + _mix(int(r.counts[i, TICK]))), pool, p, r)


@_jit
def step_block(first, last, indices, wanted, pool, p, r):
    for i in range(first, last):
        step_robot(i, indices, wanted, pool, p, r)


@_jit
def reset_block(first, last, pool, p, r):
    for i in range(first, last):
        reset_robot(i, pool, p, r)


@_parallel
def step_all(indices, wanted, pool, p, r):
    """Step every robot on the CPU's cores."""
    robots = r.state.shape[0]
    for k in prange((robots + _BLOCK - 1) // _BLOCK):
        step_block(k * _BLOCK, min((k + 1) * _BLOCK, robots), indices, wanted, pool, p, r)


@_parallel
def reset_all(pool, p, r):
    """Reset every robot on the CPU's cores."""
    robots = r.state.shape[0]
    for k in prange((robots + _BLOCK - 1) // _BLOCK):
        reset_block(k * _BLOCK, min((k + 1) * _BLOCK, robots), pool, p, r)
