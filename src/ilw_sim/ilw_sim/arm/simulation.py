"""One simulated arm at one task: reset, tick, state. Environment and node both use it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
import math
from types import SimpleNamespace as Plain

import numpy as np

from ilw_core.align import encode
from ilw_core.base.plant import PlantProfile
from ilw_core.contract.end_rules import RuleWatch
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.features.rotation import yaw
from ilw_sim.arm import readings
from ilw_sim.arm.answer import Answers, ArmAnswer, answers_of
from ilw_sim.arm.command import ArmCommand
from ilw_sim.arm.description import frames_of
from ilw_sim.arm.model import arm_of
from ilw_sim.arm.scene import ArmScene
from ilw_sim.arm.tasks import ARM_TASKS
from ilw_sim.arm.topics import JOINTS, TARGET, TOOL, WRENCH, object_topic
from ilw_sim.arm.world import ArmWorld
from ilw_sim.cameras.cameras import Cameras
from ilw_sim.cameras.spec import read_cameras
from ilw_sim.come_back import come_back, marks
from ilw_sim.physics.disturbance import Veer
from ilw_sim.sensing.readings import mounted
from ilw_sim.simulated import Offer, Tick, observed
from ilw_sim.tasks.verdict import Verdict, judge

_VEER_S = (0.2, 0.6)


class ArmSimulation:
    """
    An arm at the task of a contract; the same seed and actions give the same bits.

    Success and failure are the rules of the contract's ``termination``.

    :param plant: what each episode draws its arm from, or a function that gives the arm of an
        episode; ``None``: one that obeys at once and measures exactly.
    :raises ContractError: the contract asks for an arm, commands or options that there are not.
    """

    def __init__(self, contract: Contract, *, gui: bool = False,
                 plant: PlantProfile | Answers | None = None) -> None:
        self.contract = contract
        section = Section(contract.scene, f'{contract.name}.scene')
        self._task = ARM_TASKS[section.text('task', choices=tuple(ARM_TASKS))](section)
        self._veer_chance = section.number('veer_chance', 0.0, low=0.0, high=1.0)
        self._veer_mps = section.number('veer_mps', 0.0, low=0.0, high=1.0)
        cameras = read_cameras(section)
        model = arm_of(contract)
        section.take('arm')
        section.done()
        self._period_s = 1.0 / contract.rate_hz
        self.world = ArmWorld(self._period_s, model, gui=gui)
        self._answers = plant if not isinstance(plant, PlantProfile) else answers_of(
            plant, contract.action, self.world.looks, self.world.look_s, len(model.joints))
        self.answer: ArmAnswer | None = None
        """The arm of this episode, where it is not perfect"""
        self._command = ArmCommand(contract.action, model, self.world.limits)
        self._cameras = Cameras(cameras, self.world.shapes)
        self._frames = frames_of(model)
        self.description, self.map_frame = self._frames.text, model.base
        pose = 'geometry_msgs/msg/PoseStamped'
        self.offers = (
            Offer(JOINTS, 'sensor_msgs/msg/JointState'), Offer(TOOL, pose),
            Offer(WRENCH, 'geometry_msgs/msg/WrenchStamped'),
            *(Offer(object_topic(name), pose) for name in self._task.objects),
            Offer('sim/ground_truth', 'nav_msgs/msg/Odometry'), *self._cameras.offers,
            Offer(TARGET, 'std_msgs/msg/Int32', 'second'))
        self.seed = -1
        self.scene: ArmScene
        self.tick: Tick
        self.actions: list[list[float]] = []
        self._rng: np.random.Generator
        self._veer: Veer
        self._rules = RuleWatch(contract.rules, contract.obs_names)

    def reset(self, seed: int, stamp_ns: int = 0,
              change: Callable[[ArmScene], ArmScene] = lambda scene: scene) -> Tick:
        """
        Begin the episode of a seed.

        :param change: makes another scene of that of the seed.
        :raises ContractError: no world comes from this seed; the episode before goes on.
        """
        rng = np.random.default_rng(seed)
        scene = change(self._task.make_scene(rng, len(self.world.model.joints)))
        self.seed, self._rng, self.scene = seed, rng, scene
        self.answer = self._answers(seed) if self._answers else None
        self.world.motors = None
        self.world.reset(scene)
        self.world.motors = self.answer.motors if self.answer else None
        self._cameras.begin(self.world.client, self.world.links(), scene.light)
        self._veer = Veer(self._veer_chance, _VEER_S, self._veer_mps, rng, self._period_s, axes=3)
        self.actions = []
        self._rules.begin()
        true = self._read(stamp_ns)
        self._rules.take(0, *self._seen(true, stamp_ns))
        self.tick = Tick(0, stamp_ns, self._measured(true),
                         Verdict(0.0, False, False, False, ''), None, 0.0)
        return self.tick

    def step(self, action: np.ndarray) -> Tick:
        """Apply an action of ``(Da,)``, in contract order and units, for one tick."""
        before, last = self.world.tool().xyz, self.tick
        self.actions.append([float(v) for v in action])
        self._move(action, self._veer.next())
        stamp_ns = last.stamp_ns + self.contract.period_ns
        true, step = self._read(stamp_ns), last.step + 1
        ruled = self._rules.take(step * self.contract.period_ns, *self._seen(true, stamp_ns))
        verdict = judge(self.contract, to_goal_m=math.inf, collided=False,
                        time_s=step * self._period_s, ruled=ruled)
        self.tick = Tick(step, stamp_ns, self._measured(true), verdict, None,
                         last.path_length_m + math.dist(before, self.world.tool().xyz))
        return self.tick

    def _move(self, action: np.ndarray, veer: np.ndarray) -> None:
        """Go one tick on; ``veer``: (3,) what pushes the tool meanwhile, where it moves."""
        rows = action[None] if self.answer is None else self.answer.answer(action)
        twists = np.array([self._command.twist(row) for row in rows])
        twists[twists.any(axis=1), :3] += veer  # an arm that is told to stand stands
        fingers = np.array([self._command.finger_m(row, self.world.finger_m) for row in rows])
        joints = np.array([self._command.joints_rad(row, self.world.wanted_rad) for row in rows]
                          ) if self._command.by_joints else None
        if self.answer is not None:
            self.world.follow(twists, fingers, joints)
            return
        self.world.step(twists[0], float(fingers[0]),
                        joints_rad=None if joints is None else joints[0])

    def observe(self, measured: Mapping[str, Plain], stamp_ns: int) -> np.ndarray:
        """Return what the contract observes, ``(Do,)`` float32; NaN what is not known."""
        return encode(self.contract, observed(self.contract, measured))

    def reading(self, topic: str) -> Plain:
        """Return what the message of an offered topic holds at this tick."""
        if topic in self._cameras.topics:
            return self._cameras.reading(topic, self.tick.step, self.tick.stamp_ns)
        found: Plain = self.tick.readings[topic]
        return found

    def images(self) -> dict[str, np.ndarray]:
        """Return what the contract observes as images, as its messages show it."""
        return {source.name: source.feature.image({source.name: self.reading(source.topic)})
                for source in self.contract.images if source.topic in self._cameras.topics}

    @property
    def period_s(self) -> float:
        """Seconds per tick."""
        return self._period_s

    @property
    def pose(self) -> tuple[float, float, float]:
        """The tool's true x, y, yaw."""
        at = self.world.tool()
        return at.xyz[0], at.xyz[1], yaw(*at.xyzw)

    @property
    def shortest_path_m(self) -> float:
        """0: nobody knows the shortest way of an arm's tool."""
        return 0.0

    def fixed_transforms(self) -> list[Plain]:
        """Return where the arm stands, and the joints that do not move."""
        base = self.world.model.base
        return [mounted(self.tick.stamp_ns, readings.WORLD, base, (0.0, 0.0, 0.0),
                        (0.0, 0.0, 0.0, 1.0)), *self._frames.fixed(self.tick.stamp_ns),
                *self._cameras.mounts(self.tick.stamp_ns)]

    def transforms(self) -> list[Plain]:
        """Return the transforms of every joint that moves."""
        return self._frames.turning(self.tick.stamp_ns, self.tick.readings[JOINTS])

    def state(self) -> dict[str, object]:
        """Return the way back to this tick; the rest is there to be read."""
        position, speed, _ = self.world.joints()
        return {**marks(self), 'joints': position.tolist(), 'speeds': speed.tolist(),
                'tool': [*self.world.tool().xyz, *self.world.tool().xyzw],
                'objects': [[*at.xyz, *at.xyzw] for at in self.world.things()],
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

    def _read(self, stamp_ns: int) -> dict[str, Plain]:
        return readings.read(self.world, self._task.objects, self.scene.target, stamp_ns)

    def _measured(self, true: dict[str, Plain]) -> dict[str, Plain]:
        return true if self.answer is None else self.answer.measure(true)

    def _seen(self, measured: Mapping[str, Plain], stamp_ns: int) -> tuple[np.ndarray, np.ndarray]:
        values = self.observe(measured, stamp_ns)
        return values, np.isfinite(values)
