"""A base on two wheels: commands in; true pose, encoders and odometry out. No sensors' noise."""

from collections import deque
import math

import numpy as np

from ilw_emulator.motors import Motors
from ilw_emulator.room import Room
from ilw_emulator.traits import Body, DriveTraits

Pose = tuple[float, float, float]

_STEP_NS = 10_000_000  # 5 mm at 0.5 m/s: how finely contacts and arcs are followed
_FLAT = 0.5            # a battery loses no more than this part of the gains


class EmulatedDrive:
    """
    The base of one machine in one room. Instants are integer nanoseconds and never go back.

    Commands below a dead zone count as zero per axis, as ``ilw_core.base.plant`` has it; only
    ``wheel_dead_zone_mps`` acts on a wheel.
    """

    def __init__(self, traits: DriveTraits, body: Body, room: Room, start: Pose,
                 rng: np.random.Generator, begin_ns: int) -> None:
        self._traits, self._body, self._room, self._rng = traits, body, room, rng
        self._begin_ns = self.now_ns = begin_ns
        self._motors = Motors(traits.lag_s, traits.turn_lag_s, traits.lag_difference_ratio)
        gain, tyre = 0.5 * traits.gain_difference_ratio, 0.5 * traits.radius_difference_ratio
        held = traits.radius_ratio * (1.0 - traits.slip_ratio)
        self._gains = (traits.gain_ratio * (1.0 - gain), traits.gain_ratio * (1.0 + gain))
        self._grip = (held * (1.0 - tyre), held * (1.0 + tyre))
        self._commands: deque[tuple[int, float, float]] = deque()
        self._wanted, self._last_ns, self._stop_ns = (0.0, 0.0), begin_ns, begin_ns
        self._slipping, self._slip_ns = -1, self._next_slip_ns(begin_ns)
        self.pose = self.odom_pose = start
        """Where the base is, and where its encoders take it to be"""
        self.path_length_m = 0.0
        self.wheel_rad = (0.0, 0.0)
        self.touched = ''
        """Kind of what it has bumped into; empty while it has not"""
        self.refused = 0
        """Commands that were not finite"""

    def command(self, forward_mps: float, turn_radps: float, now_ns: int) -> None:
        """Take a command that arrives now; it acts after the latency. NaN is no command."""
        if not (math.isfinite(forward_mps) and math.isfinite(turn_radps)):
            self.refused += 1
            return
        t = self._traits
        late_s = t.latency_s + (self._rng.exponential(t.jitter_s) if t.jitter_s else 0.0)
        acts_ns = max(now_ns + round(late_s * 1e9), self._last_ns, self.now_ns)
        forward = forward_mps if abs(forward_mps) >= t.dead_zone_mps else 0.0
        turn = turn_radps if abs(turn_radps) >= t.turn_dead_zone_radps else 0.0
        half = 0.5 * turn * self._body.track_m
        left, right = (speed if abs(speed) >= t.wheel_dead_zone_mps else 0.0
                       for speed in (forward - half, forward + half))
        self._commands.append((acts_ns, left, right))
        self._last_ns = acts_ns

    def advance(self, until_ns: int) -> None:
        """Let time go by."""
        while self.now_ns < until_ns:
            self._take_up()
            end_ns = min(until_ns, self.now_ns + _STEP_NS, self._slip_ns)
            if self._commands:
                end_ns = min(end_ns, self._commands[0][0])
            if self._stop_ns > self.now_ns:
                end_ns = min(end_ns, self._stop_ns)
            self._move((end_ns - self.now_ns) * 1e-9)
            self.now_ns = end_ns

    @property
    def wheel_speeds(self) -> tuple[float, float]:
        """Rim speeds (left, right) [m/s], as encoders tell."""
        return self._motors.speeds

    @property
    def twist(self) -> tuple[float, float]:
        """Forward speed [m/s] and turn rate [rad/s], as encoders tell."""
        left, right = self._motors.speeds
        return 0.5 * (left + right), (right - left) / self._body.track_m

    @property
    def charge_ratio(self) -> float:
        """What the battery leaves of the gains."""
        gone_s = (self.now_ns - self._begin_ns) * 1e-9
        return max(_FLAT, 1.0 - self._traits.battery_sag_per_s * gone_s)

    def _take_up(self) -> None:
        """Put into effect what is due now: commands, the time-out, slips."""
        while self._commands and self._commands[0][0] <= self.now_ns:
            at_ns, left, right = self._commands.popleft()
            self._wanted = left, right
            self._stop_ns = at_ns + round(self._traits.timeout_s * 1e9)
        if self._stop_ns <= self.now_ns:
            self._wanted = 0.0, 0.0
        while self._slip_ns <= self.now_ns:
            if self._slipping < 0:
                self._slipping = int(self._rng.integers(2))
                self._slip_ns += max(1, round(self._traits.slip_s * 1e9))
            else:
                self._slipping, self._slip_ns = -1, self._next_slip_ns(self._slip_ns)

    def _next_slip_ns(self, from_ns: int) -> int:
        if not self._traits.slips_per_s:
            return 2 ** 63 - 1
        return from_ns + round(self._rng.exponential(1.0 / self._traits.slips_per_s) * 1e9)

    def _move(self, elapsed_s: float) -> None:
        charge, (left, right) = self.charge_ratio, self._wanted
        rims = self._motors.run((left * self._gains[0] * charge, right * self._gains[1] * charge),
                                elapsed_s)
        radius_m, track_m = self._body.wheel_radius_m, self._body.track_m
        self.wheel_rad = (self.wheel_rad[0] + rims[0] / radius_m,
                          self.wheel_rad[1] + rims[1] / radius_m)
        self.odom_pose = _arc(self.odom_pose, *rims, track_m)
        if not any(rims):
            return
        ways = [rim * grip for rim, grip in zip(rims, self._grip, strict=True)]
        if self._slipping >= 0:
            ways[self._slipping] *= 1.0 - self._traits.slip_loss_ratio
        x, y, yaw = _arc(self.pose, ways[0], ways[1], track_m * self._traits.track_ratio)
        if kind := self._room.touches(x, y):
            self.touched, self.pose = kind, (*self.pose[:2], yaw)  # it turns on the spot
            return
        self.path_length_m += math.dist(self.pose[:2], (x, y))
        self.pose = x, y, yaw


def _arc(pose: Pose, left_m: float, right_m: float, track_m: float) -> Pose:
    """Return the pose after the wheels came so far."""
    x, y, yaw = pose
    turn = (right_m - left_m) / track_m
    half = 0.5 * turn
    chord = 0.5 * (left_m + right_m) * (math.sin(half) / half if abs(half) > 1e-9 else 1.0)
    return x + chord * math.cos(yaw + half), y + chord * math.sin(yaw + half), yaw + turn
