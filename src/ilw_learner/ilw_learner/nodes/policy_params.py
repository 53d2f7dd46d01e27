"""The parameters of the policy node: default, range, reason in one place."""

from dataclasses import dataclass

from ilw_learner.checkpoint.named import DEFAULT_FOLDERS
from ilw_ros.params import param


@dataclass(frozen=True)
class PolicyParams:
    """The parameters of the policy node."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    checkpoint: str = param('idle', 'Checkpoint folder, or idle or random.')
    checkpoints: str = param(
        DEFAULT_FOLDERS, 'Folders, separated by a colon, whose checkpoints a request may name; '
        'beside them the checkpoint given at the start itself.')
    task: str = param(
        '', 'Which of its tasks the policy does, where it learned several under contracts of one '
        'family; empty: that of the contract. Setting it stops the robot.', changes=True)
    trusted_keys: str = param(
        '', 'Folder of public keys, one of which must have signed a checkpoint; empty: any may '
        'drive, signed or not.')
    robot: str = param('', 'Robot profile: a name in config/robots, or a path; says how its lidar '
                       'speaks. Empty: none.')
    seed: int = param(0, 'Seed of the random baseline.', low=0, high=2**31)
    publish_images: bool = param(
        False, 'Put the pixels into policy/observation too; the recorder keeps that topic.')
    gate: str = param(
        '', 'Folder of a gate, by which the policy asks a person for help instead of driving on; '
        'empty: it never asks.')
    slower_s: float = param(
        0.0, 'Each inference takes so much longer, to try what a slower computer would do [s].',
        low=0.0, high=10.0)
    autostart: bool = param(True, 'Configure and activate without being told.')
