"""One simulated robot at one task: reset, tick, state. Environment and node both use it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
import math
from types import SimpleNamespace as Plain

import numpy as np

from ilw_core.align import encode
from ilw_core.base.plant import Plant, PlantProfile
from ilw_core.contract.end_rules import RuleWatch
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.contract.schema import Section, shown
from ilw_core.episode import Outcome
from ilw_core.errors import ContractError
from ilw_sim.physics.actuation import ActuatedBase, has_ramp
from ilw_sim.physics.diff_drive import Pose
from ilw_sim.physics.disturbance import Veer, VeerOptions
from ilw_sim.physics.robot import ROBOT_KEYS, robot_of
from ilw_sim.physics.world import Contact, World
from ilw_sim.sensing import readings
from ilw_sim.sensing.options import SensorOptions
from ilw_sim.sensing.robot_model import RobotModel
from ilw_sim.sensing.sensors import Readings, Sensors
from ilw_sim.tasks.scene import Scene, make_grid
from ilw_sim.tasks.tasks import TASKS, Verdict, judge

STATE_SCHEMA = 'ilw.sim_state/1'
MAP_RESOLUTION_M = 0.05


@dataclass(frozen=True)
class Tick:
    """Everything that is true at one tick."""

    step: int
    stamp_ns: int
    readings: Readings
    verdict: Verdict
    contact: Contact | None
    """The contact that ended the episode at this tick, if one did"""
    path_length_m: float
    """Driven so far"""

    @property
    def ended(self) -> bool:
        """Tell whether the episode is over."""
        return self.verdict.terminated or self.verdict.truncated


class Simulation:
    """
    Physics, sensors and task of a contract; the same seed and actions give the same bits.

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
        self.model = RobotModel(self.world.drive)
        self.seed = -1
        self.scene: Scene
        self.tick: Tick
        self.plant: Plant | None = None
        """Drawn for this episode"""
        self._base: ActuatedBase | None = None
        self._rng: np.random.Generator
        self._sensors: Sensors
        self._veer: Veer
        self._actions: list[list[float]] = []
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
        self._veer = Veer(self._veer_options, self._rng, self._period_s)
        self._actions = []
        self._rules.begin()
        measured = self._sensors.read(stamp_ns)
        self._ruled(0, stamp_ns, measured)
        self.tick = Tick(0, stamp_ns, measured, Verdict(0.0, False, False, False, ''), None, 0.0)
        return self.tick

    def step(self, action: np.ndarray) -> Tick:
        """Apply an action of ``(Da,)``, in contract order and units, for one tick."""
        before, last = self.world.pose(), self.tick
        self._actions.append([float(v) for v in action])
        forward, turn = float(action[self._forward]), float(action[self._turn])
        veer = self._veer.next()
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
        return encode(self.contract, {source.name: by_topic[source.topic]
                                      for source in self.contract.sources
                                      if source.topic in by_topic})

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

    def transforms(self) -> list[Plain]:
        """Return map -> odom -> base_link -> wheels; the first is what odometry is off by."""
        stamp, odom = self.tick.stamp_ns, self.odom_pose
        correction = readings.compose(self.pose, readings.inverse(odom))
        return [readings.transform(stamp, readings.MAP, readings.ODOM, correction),
                readings.transform(stamp, readings.ODOM, readings.BASE, odom),
                *self.model.turning(stamp, self.tick.readings.joint_states)]

    def state(self) -> dict[str, object]:
        """
        Return everything needed to come back to this tick, as JSON values.

        Physics engines keep hidden state (contact caches), so the way back is to drive again what
        was driven from the seed; the rest is there to be read, and to prove that it worked.
        """
        linear, angular = self.world.velocity()
        angles, speeds = self.world.wheels()
        return {
            'schema': STATE_SCHEMA, 'contract_hash': self.contract.hash, 'seed': self.seed,
            'tick': self.tick.step, 'stamp_ns': self.tick.stamp_ns,
            'lidar_rays': self._options.lidar_rays, 'actions': self._actions,
            'plant': None if self.plant is None else asdict(self.plant),
            'pose': list(self.pose), 'odom_pose': list(self.odom_pose),
            'linear': linear.tolist(), 'angular': angular.tolist(),
            'wheel_rad': angles.tolist(), 'wheel_radps': speeds.tolist(),
            'rng': self._rng.bit_generator.state}

    def set_state(self, state: dict[str, object], stamp_ns: int | None = None) -> Tick:
        """
        Come back to a state read before, bit for bit.

        :param stamp_ns: time to give the tick reached; ``None``: the one it had.
        :raises ContractError: it is not a state of this simulator and contract; the episode that
            was there goes on.
        """
        if state.get('schema') != STATE_SCHEMA or state.get('contract_hash') != self.contract.hash:
            raise ContractError(f'The state must have schema {STATE_SCHEMA} and be of this '
                                f'contract. Read it with sim/get_state of this simulator.')
        try:
            actions = np.array(state['actions'], dtype=np.float64).reshape(
                -1, self.contract.action.dim)
            end_ns = int(str(state['stamp_ns'])) if stamp_ns is None else stamp_ns
            seed, pose = int(str(state['seed'])), state['pose']
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise ContractError(f'The state is damaged: {shown(str(error))}.') from error
        longest = math.ceil(self.contract.timeout_s * self.contract.rate_hz) + 1
        if seed < 0 or len(actions) > longest or not np.isfinite(actions).all():
            raise ContractError(f'The state is damaged: it needs a seed of at least 0 and at most '
                                f'{longest} finite actions. Got {seed} and {len(actions)}.')
        before = None if self.seed < 0 else (self.seed, self.tick.stamp_ns, self._actions)
        self._drive_again(seed, end_ns, actions)
        if list(self.pose) != pose:
            if before is not None:
                self._drive_again(*before)
            raise ContractError('The state leads elsewhere here: it comes from another version '
                                'of the simulator or another plant, or was edited.')
        return self.tick

    def _drive_again(self, seed: int, end_ns: int, actions: Sequence[Sequence[float]] | np.ndarray,
                     ) -> None:
        driven = np.array(actions, dtype=np.float64).reshape(-1, self.contract.action.dim)
        self.reset(seed, max(0, end_ns - len(driven) * self.contract.period_ns))
        for action in driven:
            self.step(action)

    def restamp(self, stamp_ns: int) -> None:
        """Give the tick reached another time: the clock leapt, and nothing happened meanwhile."""
        self.tick = replace(self.tick, stamp_ns=stamp_ns)

    def close(self) -> None:
        """Give the physics server back."""
        self.world.close()
