"""
Say what an emulated arm is, in the language of ``ilw_core.arm_plant``, to check identification by.

Where ``ArmPlant`` is not the whole truth: jitter counts with its mean, each joint has a gain and a
lag of its own around those told here, and the detector of things is another matter.
"""

from dataclasses import asdict
from typing import Any

from ilw_core.arm_plant import ArmPlant
from ilw_emulator.arm.traits import ArmEmulatorProfile


def revealed_arm(profile: ArmEmulatorProfile, seed: int, joints: int) -> dict[str, Any]:
    """Return everything there is to know about the arm of a seed, as JSON values."""
    traits, gains, lags_s = profile.machine(seed, joints)
    plant = ArmPlant(
        delay_s=traits.latency_s + traits.jitter_s, lag_s=float(lags_s.mean()),
        gain=float(gains.mean()), joint_noise_rad=traits.joint_noise_rad,
        place_noise_m=traits.place_noise_m)
    return {'schema': 'ilw.emulated_arm_truth/1', 'emulated_arm': profile.name, 'seed': seed,
            'plant': asdict(plant), 'gains': gains.tolist(), 'lags_s': lags_s.tolist(),
            'traits': asdict(traits)}
