"""The arrays that the kernel works on, and its parameters from a contract. Nothing compiled."""

from dataclasses import fields
import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from ilw_core.base.plant import Plant, PlantProfile
from ilw_core.contract.end_rules import reward_key
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.contract.schema import Section
from ilw_core.episode import Outcome
from ilw_core.errors import ContractError
from ilw_sim.batch.compiled import BASES, COUNTS, LATES, PASTS, STATES
from ilw_sim.physics.actuation import PHYSICS_HZ, RIM_ACCELERATION_MPS2, has_ramp
from ilw_sim.physics.disturbance import VeerOptions
from ilw_sim.physics.robot import robot_of
from ilw_sim.sensing.options import SensorOptions

F = np.float32
_ARC_S = 0.025       # a wheel's ramp lasts 0.1 s; 4 arcs in it are exact to a millimetre
_NORMALS = 4096      # quantiles in the table; the outermost is 3.7 standard deviations
_TOPICS = {'lidar_sectors': 'scan', 'goal_polar': 'goal', 'body_twist': 'odom', 'pose2d': 'odom'}


class Robots(NamedTuple):
    """One row per robot; all of it is written in place."""

    state: Any       # (N, STATES) float32
    counts: Any      # (N, COUNTS) int32
    held: Any        # (N, rules) int32, ticks in a row that a rule of the contract was met
    keys: Any        # (N,) int64, the robots' random sequences
    previous: Any    # (N, Da) float64, what limits the next action's rate
    base: Any        # (N, BASES) float32, of a plant, like the next three; else one row of zeros
    late: Any        # (N, LATES) int32
    queue: Any       # (N, Q, 2) float32, what commands under way lead to, by step modulo Q
    past: Any        # (N, M, PASTS) float32, what is told later, by step modulo M
    ranges: Any      # (N, 2 R) float32, scratch
    applied: Any     # (N, Da) float64
    obs: Any         # (N, Do) float32
    final_obs: Any   # (N, Do) float32
    reward: Any      # (N,) float32
    terminated: Any  # (N,) bool
    truncated: Any   # (N,) bool
    success: Any     # (N,) bool
    step: Any        # (N,) int32


class Params(NamedTuple):
    """Numbers of a contract and a robot; ``..._at`` is an offset in the observation, or -1."""

    low: Any         # (Da,) float64, like the next three
    high: Any
    step: Any        # largest change in one tick
    stop: Any
    table: Any       # (K, Da) float64
    discrete: bool
    forward: int
    turn: int
    beam_cos: Any    # (2 R,) float32, all beams twice
    beam_sin: Any
    slots: Any       # (R,) int32, sector of each beam
    empty: Any       # (S,) float32, a sector that sees nothing; 0 if no beam looks into it
    normal: Any      # (4096,) float32
    sectors: int
    lidar_at: int
    goal_at: int
    twist_at: int
    pose_at: int
    reach_m: F
    range_min_m: F
    goal_max_m: F
    odom_scale: F
    odom_slip: F
    veer_chance: F
    veer_low: F      # ticks
    veer_high: F
    veer_turn_radps: F
    wheel_radius_m: F
    track_m: F
    wheel_radps: F
    ramp_radps: F    # largest change of a wheel's speed in one physics step
    robot_radius_m: F
    period_s: F
    timestep_s: F
    physics_steps: int
    arcs: int
    goal_radius_m: F
    last_step: int
    reward_step: F
    reward_goal: F
    reward_collision: F
    rule_above: Any  # (rules, Do) float32: a rule is met where all that is observed is above ...
    rule_below: Any  # (rules, Do) float32: ... and below
    rule_ticks: Any  # (rules,) int32, for so many in a row
    rule_reward: Any  # (rules,) float32
    rule_succeeds: Any  # (rules,) bool
    in_order: bool
    noise_low_m: F
    noise_high_m: F
    plant: bool
    plant_low: Any   # float32, one per field of ``Plant``
    plant_high: Any


def make_params(
    contract: Contract, *, noise: bool = True, in_order: bool = False,
    plant: PlantProfile | None = None, lidar_rays: int | None = None,
) -> Params:
    """
    Return the kernel's parameters for a contract.

    :param noise: ``False``: no sensor noise, no veering.
    :param plant: what each episode draws its base from.
    :param in_order: robot i always gets world i, not a random one.
    :raises ContractError: it observes something that this simulator does not make.
    """
    section = Section(contract.scene, f'{contract.name}.scene')
    sensors, veer = SensorOptions.take(section), VeerOptions.take(section)
    drive, action = robot_of(contract), contract.action
    period_s = 1.0 / contract.rate_hz
    physics_steps = max(1, round(PHYSICS_HZ * period_s))
    timestep_s = period_s / physics_steps
    offsets = _offsets(contract)
    lidar = next((s.feature for s in contract.sources if s.feature.kind == 'lidar_sectors'), None)
    goal = next((s.feature for s in contract.sources if s.feature.kind == 'goal_polar'), None)
    sectors, range_m = (lidar.dim, lidar.high[0]) if lidar else (1, 1.0)
    if lidar and lidar.sectors and lidar.sectors.field_rad is not None:
        raise ContractError(f'{contract.name}: the batched simulator has lidars of the full '
                            f'circle only. Leave field_of_view_rad out, or train in ilw_sim.env.')
    rays = (lidar_rays or sensors.lidar_rays) if lidar else 1
    slots = _slots(rays, sectors)
    on = 1.0 if noise else 0.0
    intervals = plant.intervals if plant else {}
    noise_m = intervals.get('lidar_noise_m', (sensors.lidar_noise_m,) * 2)
    limits = _plant_limits(intervals, noise=noise)
    if np.any(np.isfinite(action.max_acceleration)):
        raise ContractError(f'{contract.name}: the batched simulator keeps range and rate only. '
                            f'Leave max_acceleration out, or train in ilw_sim.env.')
    forward, turn = twist_fields(action, 'The simulated robot')
    angles = np.arange(2 * rays) * (2.0 * math.pi / rays)
    return Params(
        action.low, action.high, action.max_rate * period_s + 1e-9, action.rest,
        action.table if action.discrete else np.zeros((1, action.dim)), bool(action.discrete),
        forward, turn, np.cos(angles).astype(F), np.sin(angles).astype(F), slots,
        np.where(np.isin(np.arange(sectors), slots), range_m, 0.0).astype(F), _quantiles(),
        sectors, *offsets,
        # Noise may bring a return from just beyond the codec's range into it.
        F(min(sensors.lidar_range_m, range_m + 4.0 * on * noise_m[1])),
        F(sensors.lidar_range_min_m), F(goal.high[0] if goal else 0.0),
        F(on * sensors.odom_scale_noise_ratio), F(on * sensors.odom_slip_noise_ratio),
        F(on * veer.veer_chance), F(veer.veer_s[0] / period_s), F(veer.veer_s[1] / period_s),
        F(veer.veer_turn_radps), F(drive.wheel_radius_m), F(drive.track_m), F(drive.speed_radps),
        F(math.inf if has_ramp(plant) else
          RIM_ACCELERATION_MPS2 / drive.wheel_radius_m * timestep_s),
        F(drive.radius_m),
        F(period_s), F(timestep_s), physics_steps, max(1, math.ceil(period_s / _ARC_S - 1e-9)),
        F(contract.goal_radius_m), math.ceil((contract.timeout_s - 1e-9) / period_s - 1e-9),
        F(contract.reward['step']), F(contract.reward['goal']), F(contract.reward['collision']),
        *_rules(contract), in_order, F(on * noise_m[0]), F(on * noise_m[1]), plant is not None,
        *limits)


def make_robots(contract: Contract, p: Params, robots: int) -> Robots:
    """Return the arrays of so many robots, not yet reset."""
    da, do = contract.action.dim, contract.obs_dim
    flags = [np.zeros(robots, dtype=bool) for _ in range(3)]
    return Robots(
        np.zeros((robots, STATES), F), np.zeros((robots, COUNTS), np.int32),
        np.zeros((robots, len(p.rule_ticks)), np.int32),
        np.zeros(robots, np.int64), np.zeros((robots, da)),
        *_plant_arrays(p, robots), np.zeros((robots, 2 * len(p.slots)), F),
        np.zeros((robots, da)), np.zeros((robots, do), F), np.zeros((robots, do), F),
        np.zeros(robots, F), *flags, np.zeros(robots, np.int32))


def _rules(contract: Contract) -> tuple[np.ndarray, ...]:
    """Return the contract's rules as ``Params`` has them, in their order."""
    rules, names = contract.rules, contract.obs_names
    above = np.full((len(rules), contract.obs_dim), -np.inf, F)
    below = np.full((len(rules), contract.obs_dim), np.inf, F)
    for k, rule in enumerate(rules):
        places = [names.index(name) for name in rule.names]
        above[k, places], below[k, places] = rule.above, rule.below
    return (above, below,
            np.array([1 + math.ceil(r.for_s * contract.rate_hz - 1e-6) for r in rules], np.int32),
            np.array([contract.reward[reward_key(r.outcome)] for r in rules], F),
            np.array([r.outcome is Outcome.SUCCESS for r in rules], dtype=bool))


def _plant_limits(
    intervals: dict[str, tuple[float, float]], *, noise: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest value of each field of ``Plant``, float32."""
    usual = Plant()
    pairs = [intervals.get(f.name, (getattr(usual, f.name),) * 2) for f in fields(Plant)]
    on = np.array([noise or 'noise' not in f.name for f in fields(Plant)])
    low, high = np.array(pairs, F).T * on
    return np.ascontiguousarray(low), np.ascontiguousarray(high)


def _plant_arrays(p: Params, robots: int) -> tuple[np.ndarray, ...]:
    """Return the arrays that only a plant needs, as long as its longest delays."""
    if not p.plant:
        robots, p = 1, p._replace(plant_high=np.zeros(len(p.plant_high), F))
    longest = {f.name: p.plant_high[k] for k, f in enumerate(fields(Plant))}
    ticks = {name: int(longest[name] / p.timestep_s + 0.5) // p.physics_steps
             for name in ('delay_s', 'odom_delay_s', 'scan_delay_s')}
    told = max(ticks['odom_delay_s'], ticks['scan_delay_s'])
    return (np.zeros((robots, BASES), F), np.zeros((robots, LATES), np.int32),
            np.zeros((robots, ticks['delay_s'] + 2, 2), F),
            np.zeros((robots, told + 1, PASTS), F))


def _offsets(contract: Contract) -> list[int]:
    """Return where each codec's numbers begin, -1 for one that the contract has not."""
    offsets, begin = dict.fromkeys(_TOPICS, -1), 0
    topics = {source.name: source.topic for source in contract.sources}
    for source in contract.sources:
        kind = source.feature.kind
        wanted = ['odom' if name != source.name else _TOPICS.get(kind)
                  for name in source.feature.needs]
        if offsets.get(kind) != -1 or [topics[n] for n in source.feature.needs] != wanted:
            raise ContractError(
                f'The batched simulator observes each of {", ".join(_TOPICS)} at most once, from '
                f'scan, goal and odom. {contract.name} has {source.name}: {kind} of '
                f'{source.topic}. Train this contract in ilw_sim.env.')
        offsets[kind] = begin
        begin += source.feature.dim
    return list(offsets.values())


def _slots(rays: int, sectors: int) -> np.ndarray:
    """Return the sector of each beam, with the float32 increment that the message carries."""
    angles = float(F(2.0 * math.pi / rays)) * np.arange(rays)
    return (np.floor(angles * (sectors / (2.0 * math.pi)) + 0.5).astype(np.int32)
            % sectors).astype(np.int32)


def _quantiles() -> np.ndarray:
    """Return equally likely values of a standard normal, scaled to variance 1."""
    inverse = NormalDist().inv_cdf
    values = np.array([inverse((k + 0.5) / _NORMALS) for k in range(_NORMALS)])
    return (values / values.std()).astype(F)
