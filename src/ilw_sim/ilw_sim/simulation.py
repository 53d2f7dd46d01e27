"""One simulated base at one task: reset, tick, state. Environment and node both use it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
import math
from types import SimpleNamespace as Plain

import numpy as np

from ilw_core.align import encode
from ilw_core.base.plant import Plant, PlantProfile
from ilw_core.contract.end_rules import RuleWatch
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.contract.schema import Section
from ilw_core.episode import Outcome
from ilw_sim.come_back import come_back, marks
from ilw_sim.physics.actuation import ActuatedBase, has_ramp
from ilw_sim.physics.diff_drive import Pose
from ilw_sim.physics.disturbance import Veer, VeerOptions
from ilw_sim.physics.robot import ROBOT_KEYS, robot_of
from ilw_sim.physics.world import World
from ilw_sim.sensing import readings
from ilw_sim.sensing.options import SensorOptions
from ilw_sim.sensing.robot_model import base_model
from ilw_sim.sensing.sensors import Readings, Sensors
from ilw_sim.simulated import Offer, Tick, observed
from ilw_sim.tasks.scene import Scene, make_grid
from ilw_sim.tasks.tasks import TASKS
from ilw_sim.tasks.verdict import Verdict, judge

MAP_RESOLUTION_M = 0.05
_OFFERS = (
    Offer('odom', 'nav_msgs/msg/Odometry'), Offer('scan', 'sensor_msgs/msg/LaserScan'),
    Offer('joint_states', 'sensor_msgs/msg/JointState'), Offer('imu', 'sensor_msgs/msg/Imu'),
    Offer('sim/ground_truth', 'nav_msgs/msg/Odometry'),
    Offer('map', 'nav_msgs/msg/OccupancyGrid', 'episode'),
    Offer('goal', 'geometry_msgs/msg/PoseStamped', 'second'))


class Simulation:
    """
    A base at the task of a contract; the same seed and actions give the same bits.

    :param lidar_rays: beams of the lidar; ``None``: as the contract's scene says.
    :param plant: each episode draws its base from it, after its world; ``None``: one that does
        what it is told at once. Its lidar noise, if it has one, goes before the scene's.
    :raises ContractError: the contract names no simulated task, or options that it has not.
    """

    def __init__(
        self, contract: Contract, *, lidar_rays: int | None = None, gui: bool = False,
        plant: PlantProfile | None = None,
    ) -> None:
        self.contract, self._profile = contract, plant
        section = Section(contract.scene, f'{contract.name}.scene')
        task = section.text('task', choices=tuple(TASKS))
        options = SensorOptions.take(section)
        self._options = options if lidar_rays is None else SensorOptions(
            **(vars(options) | {'lidar_rays': lidar_rays}))
        self._veer_options = VeerOptions.take(section)
        self._task = TASKS[task](contract, section)
        for key in ROBOT_KEYS:
            section.take(key)
        section.done()
        self._forward, self._turn = twist_fields(contract.action, 'The simulated robot')
        rest = contract.action.rest
        self._rest = (float(rest[self._forward]), float(rest[self._turn]))
        self._period_s = 1.0 / contract.rate_hz
        self.world = World(self._period_s, robot_of(contract), gui=gui, ramp=not has_ramp(plant))
        self.model = base_model(self.world.drive)
        self.description, self.map_frame, self.offers = self.model.text, readings.MAP, _OFFERS
        self.seed = -1
        self.scene: Scene
        self.tick: Tick
        self.plant: Plant | None = None
        """Drawn for this episode"""
        self._base: ActuatedBase | None = None
        self._rng: np.random.Generator
        self._sensors: Sensors
        self._veer: Veer
        self.actions: list[list[float]] = []
        self._rules = RuleWatch(contract.rules, contract.obs_names)

    def reset(self, seed: int, stamp_ns: int = 0,
              change: Callable[[Scene], Scene] = lambda scene: scene) -> Tick:
        """
        Begin the episode of a seed.

        :param change: of its world; noise, veering and base are drawn as in the one it was.
        :raises ContractError: no solvable world comes from this seed; the episode before goes on.
        """
        rng = np.random.default_rng(seed)
        scene = change(self._task.make_scene(rng))
        self.seed, self._rng, self.scene = seed, rng, scene
        self.world.reset(self.scene)
        options = self._draw_plant()
        self._sensors = Sensors(self.world, options, self._rng, self._period_s, self.plant)
        veer = self._veer_options
        self._veer = Veer(veer.veer_chance, veer.veer_s, veer.veer_turn_radps, self._rng,
                          self._period_s)
        self.actions = []
        self._rules.begin()
        measured = self._sensors.read(stamp_ns)
        self._ruled(0, stamp_ns, measured)
        self.tick = Tick(0, stamp_ns, measured, Verdict(0.0, False, False, False, ''), None, 0.0)
        return self.tick

    def step(self, action: np.ndarray) -> Tick:
        """Apply an action of ``(Da,)``, in contract order and units, for one tick."""
        before, last = self.world.pose(), self.tick
        self.actions.append([float(v) for v in action])
        forward, turn = float(action[self._forward]), float(action[self._turn])
        veer = float(self._veer.next()[0])
        if forward or turn:  # a robot that is told to stand stands
            turn += veer
        twists = ([(forward, turn)] * self.world.substeps if self._base is None
                  else self._base.answer(forward, turn))
        contact = self.world.step(twists, self._sensors.watch)
        pose = self.world.pose()
        stamp_ns = last.stamp_ns + self.contract.period_ns
        measured = self._sensors.read(stamp_ns)
        verdict = judge(
            self.contract, to_goal_m=math.dist(pose[:2], self.scene.goal),
            collided=contact is not None, time_s=(last.step + 1) * self._period_s,
            ruled=self._ruled(last.step + 1, stamp_ns, measured))
        self.tick = Tick(last.step + 1, stamp_ns, measured, verdict, contact,
                         last.path_length_m + math.dist(before[:2], pose[:2]))
        return self.tick

    def observe(self, measured: Readings, stamp_ns: int) -> np.ndarray:
        """Return what the contract observes, ``(Do,)`` float32; NaN what is not known."""
        by_topic = vars(measured) | {'goal': self.goal_reading(stamp_ns)}
        return encode(self.contract, observed(self.contract, by_topic))

    def images(self) -> dict[str, np.ndarray]:
        """Return nothing: simulated bases have no camera."""
        return {}

    def reading(self, topic: str) -> Plain:
        """Return what the message of an offered topic holds at this tick."""
        if topic == 'goal':
            return self.goal_reading(self.tick.stamp_ns)
        if topic == 'map':
            return self.map_reading(self.tick.stamp_ns)
        found: Plain = getattr(self.tick.readings, topic.split('/')[-1])
        return found

    def _ruled(self, step: int, stamp_ns: int, measured: Readings) -> Outcome:
        """Return what the contract's rules say of a tick; stamps may leap, steps do not."""
        if not self.contract.rules:
            return Outcome.UNKNOWN
        values = self.observe(measured, stamp_ns)
        return self._rules.take(step * self.contract.period_ns, values, np.isfinite(values))

    def _draw_plant(self) -> SensorOptions:
        """Begin with another base of the profile; return the sensors that go with it."""
        if self._profile is None:
            return self._options
        self.plant = self._profile.draw(self._rng)
        self._base = ActuatedBase(self.plant, self.world.timestep_s, self.world.substeps,
                                  self._rest)
        if 'lidar_noise_m' not in self._profile.intervals:
            return self._options
        return replace(self._options, lidar_noise_m=self.plant.lidar_noise_m)

    @property
    def period_s(self) -> float:
        """Seconds per tick."""
        return self._period_s

    @property
    def pose(self) -> Pose:
        """The robot's true x, y, yaw."""
        return self.world.pose()

    @property
    def shortest_path_m(self) -> float:
        """Shortest way from the start to the goal."""
        return self.scene.shortest_path_m

    @property
    def odom_pose(self) -> Pose:
        """Where odometry takes the robot to be."""
        return self._sensors.odom_pose

    def goal_reading(self, stamp_ns: int) -> Plain:
        """Return the goal, in the frame the robot started in."""
        return readings.pose_stamped(stamp_ns, readings.ODOM, (*self.scene.goal, 0.0))

    def map_reading(self, stamp_ns: int) -> Plain:
        """Return the map of this episode's world."""
        chart = self.scene.chart
        if chart is not None:
            return readings.occupancy(stamp_ns, chart.cells, chart.resolution_m, chart.origin)
        grid = make_grid(self.scene.size, self.scene.shapes, MAP_RESOLUTION_M)
        return readings.occupancy(stamp_ns, 100 * (grid.clearance_m <= 0.5 * MAP_RESOLUTION_M),
                                  MAP_RESOLUTION_M, grid.origin)

    def fixed_transforms(self) -> list[Plain]:
        """Return where sensors are mounted."""
        return self.model.fixed(self.tick.stamp_ns)

    def transforms(self) -> list[Plain]:
        """Return map -> odom -> base_link -> wheels; the first is what odometry is off by."""
        stamp, odom = self.tick.stamp_ns, self.odom_pose
        correction = readings.compose(self.pose, readings.inverse(odom))
        return [readings.transform(stamp, readings.MAP, readings.ODOM, correction),
                readings.transform(stamp, readings.ODOM, readings.BASE, odom),
                *self.model.turning(stamp, self.tick.readings.joint_states)]

    def state(self) -> dict[str, object]:
        """Return the way back to this tick; the rest is there to be read."""
        linear, angular = self.world.velocity()
        angles, speeds = self.world.wheels()
        return {
            **marks(self), 'lidar_rays': self._options.lidar_rays,
            'plant': None if self.plant is None else asdict(self.plant),
            'odom_pose': list(self.odom_pose),
            'linear': linear.tolist(), 'angular': angular.tolist(),
            'wheel_rad': angles.tolist(), 'wheel_radps': speeds.tolist(),
            'rng': self._rng.bit_generator.state}

    def set_state(self, state: Mapping[str, object], stamp_ns: int | None = None) -> Tick:
        """Come back to a state read before; see ``Simulated``."""
        return come_back(self, state, stamp_ns)

    def restamp(self, stamp_ns: int) -> None:
        """Give the tick reached another time: the clock leapt, and nothing happened meanwhile."""
        self.tick = replace(self.tick, stamp_ns=stamp_ns)

    def close(self) -> None:
        """Give the physics server back."""
        self.world.close()
