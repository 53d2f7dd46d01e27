"""How one emulated arm answers during an episode: commands and joint speeds in, what comes out."""

from collections import deque
from collections.abc import Mapping
from types import SimpleNamespace as Plain

import numpy as np

from ilw_core.arm_plant import noisy_joints, noisy_pose
from ilw_emulator.arm.traits import ArmEmulatorProfile

_JOINTS, _TOOL = 'joint_states', 'tool_pose'


class EmulatedArm:
    """
    Late commands, joints with gains and lags of their own, noisy sensors, a slow detector.

    Gravity, contacts and grasping are those of whoever runs it; see
    ``ilw_bringup.emulator_worlds``. The same profile, seeds and commands give the same bits.

    :param machine: seed of the arm; ``episode``: of what happens by chance.
    :param looks: looks of the servo in a tick; ``look_s`` from one to the next.
    :param step_s: of physics.
    :param joints: how many joints the arm has, before those of fingers in its messages.
    :param rest: ``(Da,)`` what was commanded before the first command.
    :param readings: so often the sensors are read in a tick of the contract.
    """

    def __init__(self, profile: ArmEmulatorProfile, machine: int, episode: int, *, looks: int,
                 look_s: float, step_s: float, joints: int, rest: np.ndarray,
                 readings: int = 1) -> None:
        self.traits, self.gains, self.lags_s = profile.machine(machine, joints)
        self._rng = np.random.default_rng(np.random.SeedSequence(episode, spawn_key=(3,)))
        self._looks, self._look_s, self._joints = looks, look_s, joints
        self._kept = np.exp(-step_s / np.maximum(self.lags_s, 1e-9))
        self._speeds, self._now_s, self.wanted = np.zeros(joints), 0.0, rest
        """``wanted``: ``(Da,)`` the command that acts"""
        self._under_way: deque[tuple[float, np.ndarray]] = deque()
        self._last_s = 0.0
        age = round(self.traits.thing_age_ticks * readings)
        self._seen: deque[dict[str, Plain]] = deque(maxlen=age + 1)

    def hear(self, action: np.ndarray, after_s: float = 0.0) -> None:
        """
        Take a command.

        :param action: ``(Da,)``.
        :param after_s: it comes so long after the last look until now.
        """
        t = self.traits
        late_s = t.latency_s + (self._rng.exponential(t.jitter_s) if t.jitter_s else 0.0)
        self._last_s = max(self._last_s, self._now_s + after_s + late_s)
        self._under_way.append((self._last_s, np.array(action, dtype=np.float64)))

    def answer(self, action: np.ndarray) -> np.ndarray:
        """
        Return what of the commands acts at each look of the servo in a tick, ``(L, Da)``.

        :param action: ``(Da,)`` commanded as the tick begins.
        """
        self.hear(action)
        return self.acting()

    def acting(self) -> np.ndarray:
        """Let a tick go by and return what of the commands acts at each look, ``(L, Da)``."""
        rows = []
        for _ in range(self._looks):
            while self._under_way and self._under_way[0][0] <= self._now_s + 1e-9:
                self.wanted = self._under_way.popleft()[1]
            rows.append(self.wanted)
            self._now_s += self._look_s
        return np.array(rows)

    def motors(self, speeds: np.ndarray) -> np.ndarray:
        """Return the speeds of the joints in a physics step for those asked of them, ``(J,)``."""
        target = self.gains * speeds
        self._speeds = target + (self._speeds - target) * self._kept
        return self._speeds

    def measure(self, readings: Mapping[str, Plain]) -> dict[str, Plain]:
        """Return what the sensors say of a tick whose true messages these are, by topic."""
        t, found, normal = self.traits, dict(readings), self._rng.standard_normal
        if _JOINTS in found:
            found[_JOINTS] = noisy_joints(found[_JOINTS], t.joint_noise_rad * normal(self._joints))
        if _TOOL in found:
            found[_TOOL] = noisy_pose(found[_TOOL], t.place_noise_m * normal(3))
        self._seen.append({topic: message for topic, message in readings.items()
                           if topic.startswith('objects/')})
        for topic, message in self._seen[0].items():
            found[topic] = noisy_pose(message, t.thing_noise_m * normal(3))
            found[topic].header = readings[topic].header  # the detector stamps late, too
        return found


class HearingArm(EmulatedArm):
    """The same where commands come at any time: by ``hear``, not with a tick."""

    def answer(self, action: np.ndarray) -> np.ndarray:
        """Return what of the commands heard acts at each look; ``action`` is none of them."""
        return self.acting()
