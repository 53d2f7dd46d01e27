"""One whole machine: commands in, messages out, each at its instant."""

import heapq
from types import SimpleNamespace as Plain
from typing import NamedTuple

import numpy as np

from ilw_core.errors import ContractError
from ilw_emulator import messages
from ilw_emulator.drive import EmulatedDrive, Pose
from ilw_emulator.lidar import Lidar
from ilw_emulator.room import Room
from ilw_emulator.traits import Body, Traits
from ilw_emulator.transit import Gaps, Transit
from ilw_emulator.world import EmulatedWorld


class Arrival(NamedTuple):
    """A message at its subscribers."""

    at_ns: int
    topic: str
    """``odom``, ``joint_states`` or ``scan``"""
    stamp_ns: int
    """By the machine's clock"""
    message: Plain


class Robot:
    """
    A machine in a world, from the moment it is switched on.

    Odometry begins at the true start: somebody told the machine where it is. Instants are integer
    nanoseconds of everybody else's clock and never go back. The same traits, world, seed, commands
    and their instants give the same bits.
    """

    def __init__(self, traits: Traits, body: Body, world: EmulatedWorld, seed: int,
                 begin_ns: int = 0) -> None:
        self.traits, self.body, self.world = traits, body, world
        room = Room(world, body.radius_m)
        if kind := room.touches(*world.start[:2]):
            raise ContractError(f'{world.name}: start must be {body.radius_m:g} m clear of '
                                f'everything. It touches a {kind}. Move it.')
        phases, drive, lidar, noise, odom, joints, scan, link = (
            np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(8))
        self._begin_ns = begin_ns
        self.drive = EmulatedDrive(traits.drive, body, room, world.start, drive, begin_ns)
        self._lidar = Lidar(traits.lidar, room, lidar)
        self._noise = noise
        o, s = traits.odometry, traits.lidar
        self._ways = {'odom': Transit(o.transit_s, o.jitter_s, o.loss_ratio, odom),
                      'joint_states': Transit(o.transit_s, o.jitter_s, o.loss_ratio, joints),
                      'scan': Transit(s.transit_s, s.jitter_s, s.loss_ratio, scan)}
        self._gaps = Gaps(traits.link.gaps_per_min, traits.link.gap_s, link, begin_ns)
        self._odom_s, self._scan_s = 1.0 / o.rate_hz, 1.0 / s.rate_hz
        # Sensors do not wait for one another: each has its phase.
        self._phases: list[float] = phases.random(2).tolist()
        self._odoms = self._scans = 0
        self._on_the_way: list[tuple[int, int, Arrival]] = []
        self._sent = 0

    def command(self, forward_mps: float, turn_radps: float, now_ns: int) -> None:
        """Take a command that arrives now, not before what was advanced to."""
        self.drive.command(forward_mps, turn_radps, now_ns)

    def advance(self, until_ns: int) -> Arrival | None:
        """
        Let time go by to the next arrival, or to an instant if nothing arrives before.

        :returns: the arrival; ``None`` when the instant is reached.
        """
        while True:
            odom_ns = self._instant_ns(self._odoms, 0, self._odom_s)
            scan_ns = self._instant_ns(self._scans, 1, self._scan_s)
            arrives_ns = self._on_the_way[0][0] if self._on_the_way else 2 ** 63
            next_ns = min(odom_ns, scan_ns, arrives_ns)
            if next_ns > until_ns:
                self.drive.advance(until_ns)
                return None
            if next_ns == arrives_ns:
                return heapq.heappop(self._on_the_way)[2]
            self.drive.advance(next_ns)
            if next_ns == odom_ns:
                self._odoms += 1
                self._measure_wheels(next_ns)
            else:
                self._scans += 1
                self._measure_room(next_ns)

    def stamp_ns(self, now_ns: int) -> int:
        """Return what the machine's clock shows."""
        clock = self.traits.clock
        gone_ns = now_ns - self._begin_ns
        return now_ns + round(clock.offset_s * 1e9 + clock.drift_ppm * 1e-6 * gone_ns)

    def goal(self, now_ns: int) -> Plain:
        """Return the goal, as somebody told the machine."""
        return messages.pose_stamped(self.stamp_ns(now_ns), *self.world.goal)

    @property
    def pose(self) -> Pose:
        """The true x, y, yaw."""
        return self.drive.pose

    def _instant_ns(self, count: int, sensor: int, period_s: float) -> int:
        return self._begin_ns + round((count + self._phases[sensor]) * period_s * 1e9)

    def _measure_wheels(self, now_ns: int) -> None:
        t, drive = self.traits.odometry, self.drive
        forward, turn = drive.twist
        if t.noise_mps or t.noise_radps:
            off = self._noise.standard_normal(2)
            forward, turn = forward + t.noise_mps * off[0], turn + t.noise_radps * off[1]
        sent_ns = now_ns + round(t.age_s * 1e9)
        stamp_ns = self.stamp_ns(sent_ns)
        radius_m = self.body.wheel_radius_m
        left, right = drive.wheel_speeds
        self._send('odom', sent_ns, stamp_ns,
                   messages.odometry(stamp_ns, drive.odom_pose, float(forward), float(turn)))
        self._send('joint_states', sent_ns, stamp_ns, messages.joint_state(
            stamp_ns, drive.wheel_rad, (left / radius_m, right / radius_m)))

    def _measure_room(self, now_ns: int) -> None:
        t = self.traits.lidar
        sent_ns = now_ns + round(t.age_s * 1e9)
        stamp_ns = self.stamp_ns(sent_ns)
        self._send('scan', sent_ns, stamp_ns, messages.laser_scan(
            stamp_ns, self._lidar.ranges(self.pose), range_min_m=t.range_min_m,
            range_max_m=t.range_max_m, scan_s=self._scan_s))

    def _send(self, topic: str, sent_ns: int, stamp_ns: int, message: Plain) -> None:
        arrives_ns = self._ways[topic].arrives_ns(sent_ns)
        if arrives_ns is not None and not self._gaps.covers(self.drive.now_ns):
            self._sent += 1
            heapq.heappush(self._on_the_way,
                           (arrives_ns, self._sent, Arrival(arrives_ns, topic, stamp_ns, message)))
