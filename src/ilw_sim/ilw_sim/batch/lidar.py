"""Where beams end and how near the nearest thing is, compiled. Knows no robots but their pose."""

import math

from ilw_sim.batch.compiled import ONE, PI, TWO_PI, ZERO, F, jit

_PAD_RAD = F(0.004)   # more than the error of _rough_angle: it may only add beams to look at


@jit
def _rough_angle(y, x):
    """Return atan2 to within 0.002 rad, in a quarter of its time."""
    ax, ay = abs(x), abs(y)
    a = min(ax, ay) / max(max(ax, ay), F(1e-20))
    angle = a * (F(0.7853982) + (ONE - a) * (F(0.2447) + F(0.0663) * a))
    if ay > ax:
        angle = F(math.pi / 2) - angle
    if x < ZERO:
        angle = PI - angle
    return -angle if y < ZERO else angle


@jit
def _shape_distance(shape, x, y):
    """Return the distance of a point from a shape's surface [m], negative inside."""
    dx, dy = x - shape[0], y - shape[1]
    if shape[5] < ZERO:
        return math.sqrt(dx * dx + dy * dy) - shape[4]
    u = abs(shape[2] * dx + shape[3] * dy) - shape[4]
    v = abs(shape[2] * dy - shape[3] * dx) - shape[5]
    pu, pv = max(u, ZERO), max(v, ZERO)
    return math.sqrt(pu * pu + pv * pv) + min(max(u, v), ZERO)


@jit
def _wall_distance(bounds, x, y):
    """Return the distance of a point from the walls around it [m], negative outside."""
    return min(min(x - bounds[0], bounds[1] - x), min(y - bounds[2], bounds[3] - y))


@jit
def clearance(room, x, y, pool):
    """Return the distance of a point from a room's nearest shape [m]."""
    nearest = _wall_distance(pool.bounds[room], x, y)
    for k in range(pool.counts[room]):
        nearest = min(nearest, _shape_distance(pool.shapes[room, k], x, y))
    return nearest


@jit
def look(room, x, y, cos, sin, reach, pool, p, ranges):
    """
    Put what each beam meets within ``reach`` into ``ranges``; return the clearance [m].

    ``ranges`` is (2 R,), and beam R + j is beam j again: so no loop needs to go round a corner.

    A convex shape at distance d lies behind the tangent through its nearest point, so only beams
    within acos(d / reach) of that point's bearing, or within its bounding circle, can meet it.
    """
    beams = ranges.shape[0] // 2
    per_rad = F(beams) / TWO_PI
    bounds = pool.bounds[room]
    to_left, to_right = bounds[0] - x, bounds[1] - x
    to_below, to_above = bounds[2] - y, bounds[3] - y
    for j in range(beams):
        per_x = ONE / (p.beam_cos[j] * cos - p.beam_sin[j] * sin)  # infinite along a wall
        per_y = ONE / (p.beam_sin[j] * cos + p.beam_cos[j] * sin)
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
        circle = half_v < ZERO
        # (gu, gv): from the robot to the shape's centre or its nearest point, in its frame
        if circle:
            gu, gv = -u, -v
            distance = away - half_u
        else:
            gu = min(max(u, -half_u), half_u) - u
            gv = min(max(v, -half_v), half_v) - v
            distance = math.sqrt(gu * gu + gv * gv)
            if distance == ZERO:
                distance = max(abs(u) - half_u, abs(v) - half_v)
        nearest = min(nearest, distance)
        if distance >= reach:
            continue
        first, last = 0, beams - 1
        turn_cos = shape[2] * cos + shape[3] * sin  # from the shape's frame to the robot's
        turn_sin = shape[2] * sin - shape[3] * cos
        if distance > ZERO:
            narrow = distance / reach
            round_sin = shape[6] / away
            round_cos = math.sqrt(max(ONE - round_sin * round_sin, ZERO))
            if circle or (away > shape[6] and round_cos > narrow):
                narrow, gu, gv = round_cos, -u, -v
            bearing = _rough_angle(gv * turn_cos - gu * turn_sin, gu * turn_cos + gv * turn_sin)
            half = _rough_angle(math.sqrt(max(ONE - narrow * narrow, ZERO)), narrow) + _PAD_RAD
            # Both rounded down by a cast of a positive number: libm's floor is a call
            first = int((bearing - half) * per_rad + F(2 * beams)) + 1 - 2 * beams
            last = int((bearing + half) * per_rad + F(2 * beams)) - 2 * beams
            last = min(last, first + beams - 1)
        # The faces towards the robot; where it is abreast of the box, the far one, which is later
        face_u = (half_u if u > ZERO else -half_u) - u
        face_v = (half_v if v > ZERO else -half_v) - v
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
                met = (along > ZERO) & (under >= ZERO)
                t = along - math.sqrt(max(under, ZERO)) if met else reach
                met_m[j] = min(met_m[j], t)
            continue
        for j in range(met_m.shape[0]):
            du = beam_cos[j] * turn_cos - beam_sin[j] * turn_sin
            dv = beam_sin[j] * turn_cos + beam_cos[j] * turn_sin
            at_u, at_v = face_u / du, face_v / dv
            met_u = (at_u > ZERO) & (abs(v + at_u * dv) <= half_v)
            met_v = (at_v > ZERO) & (abs(u + at_v * du) <= half_u)
            t = min(at_u if met_u else reach, at_v if met_v else reach)
            met_m[j] = min(met_m[j], t)
    for j in range(beams):
        ranges[j] = min(ranges[j], ranges[j + beams])
    return nearest
