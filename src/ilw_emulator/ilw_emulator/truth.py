"""
Say what a machine is, in the language of ``ilw_core.base.plant``, to check identification against.

With wheel factors G (rim speed over the ground per speed asked for, left and right), track b as
drawn and b' as it acts, a command (v, w) moves the base, in steady state, with
  forward: v (Gl + Gr) / 2 + w (Gr - Gl) b / 4,    turn: w (Gl + Gr) b / 2b' + v (Gr - Gl) / b'.
Where ``Plant`` is not the whole truth:
- it has no term for the speed that turning adds (second in the first sum): 0.4 mm/s for wheels
  that differ by 1 % at 0.7 rad/s;
- gains sag with the battery and are lost at slips: here they are the mean over a span;
- motors of unequal strength turn the base while it speeds up; the two lags are then right to
  second order in ``lag_difference_ratio``;
- a motor's own dead zone acts on a wheel: exact for a command that only drives or only turns;
- jitter, losses, the lidar's mount and missing beams, and the clock are no part of it.
"""

from dataclasses import asdict
from typing import Any

from ilw_core.base.plant import Plant
from ilw_emulator.traits import Body, Traits

SPAN_S = (0.0, 120.0)
"""Two minutes of driving from the start: what is identified from"""


def truth(
    traits: Traits, body: Body, *, by_odometry: bool = False,
    span_s: tuple[float, float] = SPAN_S,
) -> Plant:
    """
    Return what identification should find.

    :param by_odometry: as the encoders tell it, which know nothing of tyres, scrub and slip;
        otherwise over the ground.
    :param span_s: seconds since the start, over which gains are averaged.
    """
    d = traits.drive
    left, right = wheel_factors(traits, by_odometry=by_odometry)
    kept = 1.0 - d.battery_sag_per_s * 0.5 * (span_s[0] + span_s[1])
    if not by_odometry:
        slipping = d.slips_per_s * d.slip_s  # the next begins some time after the last one's end
        kept *= 1.0 - 0.5 * d.slip_loss_ratio * slipping / (1.0 + slipping)
    track_m = body.track_m * (1.0 if by_odometry else d.track_ratio)
    mean = 0.5 * (left + right)
    return Plant(
        delay_s=d.latency_s + d.jitter_s, lag_s=d.lag_s, turn_lag_s=d.turn_lag_s,
        gain=kept * mean, turn_gain=kept * mean * body.track_m / track_m,
        pull_radpm=(right - left) / (mean * track_m),
        dead_zone_mps=max(d.dead_zone_mps, d.wheel_dead_zone_mps),
        turn_dead_zone_radps=max(d.turn_dead_zone_radps,
                                 2.0 * d.wheel_dead_zone_mps / body.track_m),
        odom_delay_s=traits.odometry.age_s, scan_delay_s=traits.lidar.age_s,
        lidar_noise_m=traits.lidar.noise_m, odom_noise_mps=traits.odometry.noise_mps,
        odom_noise_radps=traits.odometry.noise_radps)


def wheel_factors(traits: Traits, *, by_odometry: bool) -> tuple[float, float]:
    """Return (left, right) speed per speed asked for, with a full battery and no slips."""
    d = traits.drive
    factors = []
    for side in (-0.5, 0.5):
        factor = d.gain_ratio * (1.0 + side * d.gain_difference_ratio)
        if not by_odometry:
            factor *= (d.radius_ratio * (1.0 + side * d.radius_difference_ratio)
                       * (1.0 - d.slip_ratio))
        factors.append(factor)
    return factors[0], factors[1]


def revealed(name: str, seed: int, traits: Traits, body: Body) -> dict[str, Any]:
    """
    Return everything there is to know about a machine, as JSON values.

    ``command_to_odometry_s`` is what a bag shows by its stamps: from that of a command to that of
    the odometry which tells of the answer, with the clock as it was at the start.
    """
    plant = truth(traits, body)
    return {
        'schema': 'ilw.emulator_truth/1', 'emulator': name, 'seed': seed,
        'plant': asdict(plant),
        'plant_by_odometry': asdict(truth(traits, body, by_odometry=True)),
        'command_to_odometry_s': plant.delay_s + plant.odom_delay_s + traits.clock.offset_s,
        'body': asdict(body), 'traits': asdict(traits)}
