"""The parameters of the simulator node: default, text and range of each."""

from dataclasses import dataclass

from ilw_ros.params import param


@dataclass(frozen=True)
class SimParams:
    """Parameters of the simulator."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    seed: int = param(0, 'Seed of the first world.', low=0, high=2 ** 53)
    real_time_factor: float = param(
        1.0, 'Simulated seconds per wall second; 0: as fast as possible.', low=0.0, high=1000.0)
    lockstep: bool = param(True, 'A tick waits for its command, where real_time_factor is 0.')
    command_wait_s: float = param(
        0.5, 'Longest wait of a tick where real_time_factor is 0 [wall s].', low=0.0, high=60.0)
    command_timeout_s: float = param(
        0.5, 'Without a new command for this long the wheels stop [s].', low=0.01, high=10.0)
    auto_reset: bool = param(
        False, 'true: the next seed follows an end; false: time stands still until sim/reset.')
    plant: str = param('', 'How the base answers: in config/plants, or a path; empty: at once.')
    lidar_rays: int = param(0, 'Beams of the lidar; 0: as the contract says.', low=0, high=3600)
    publish_tf: bool = param(True, 'Publish map -> odom -> base_link -> wheels and sensors.')
    tf_prefix: str = param('', 'Before the name of each frame, as robot1; a slash comes between.')
    clock: bool = param(True, 'false: follow the time that another simulator publishes on /clock, '
                        'instead of publishing it; real_time_factor and lockstep are then its.')
    gui: bool = param(False, 'Open a window; needs a display.')
