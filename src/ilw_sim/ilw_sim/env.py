"""The simulator as a Gymnasium environment: the same physics, limits and numbers as the nodes."""

from collections.abc import Mapping, Sequence
import math
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium import spaces
import numpy as np

from ilw_core.base.plant import PlantProfile
from ilw_core.contract.file import Contract, load_contract
from ilw_core.limits import Limiter
from ilw_core.storage.locate import config_file
from ilw_sim.arm.answer import Answers
from ilw_sim.arm.hand import ArmHand
from ilw_sim.arm.scene import altered, outline
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.arm.tasks import is_arm
from ilw_sim.counterfactual import Retraced, changed, outlines
from ilw_sim.driver.expert import Expert
from ilw_sim.driver.stick import Stick
from ilw_sim.physics.actuation import find_plant
from ilw_sim.robots import make_simulation
from ilw_sim.simulated import Simulated, Tick
from ilw_sim.simulation import MAP_RESOLUTION_M, Simulation
from ilw_sim.tasks.scene import make_grid

OBSERVATION = 'observation'
"""Name of the vector beside images, as in a policy's graph"""
_TURN_RAD = math.pi / 2.0
_MOVED_M = 0.05
"""So far a thing is moved to see what follows: more than a gripper is wide"""
_PIXEL_M, _PIXELS = 0.02, 1000
"""Of a picture: side of a pixel, unless the longer side would have more of them"""


class IlwEnv(gymnasium.Env):
    """
    One contract's simulated task.

    Observation: ``(Do,)`` float32 in contract order and units, 0 where not valid. Where the
    contract has images, a dict: that is its ``observation``, and each image stands under its
    entry's name, ``(H, W, C)`` uint8, the pixels of the message that the node publishes.
    Action: ``(Da,)`` in the contract's units, or an index where its actions are discrete; kept
    within the contract's range and rate as the arbiter would.
    Reward: the contract's. Terminated: goal, collision or a rule of the contract's;
    truncated: the contract's time-out.
    ``info``: ``success``, ``stop_reason``, ``collision`` (what was touched, or empty), ``pose``
    (x, y, yaw, true, of the base or an arm's tool), ``path_length_m``, ``shortest_path_m``,
    ``time_s``, ``valid`` (Do,) bool, ``applied`` (Da,) float64 and ``reasons`` of the limits.
    ``reset(seed)`` makes the world of that seed, the one that the node makes of it.

    :param plant: what each episode draws its robot from; ``None``: commands are obeyed at once.
    """

    metadata = {'render_modes': ['human'], 'render_fps': 10}

    def __init__(
        self, contract: Contract, *, lidar_rays: int | None = None,
        render_mode: str | None = None, plant: PlantProfile | Answers | None = None,
    ) -> None:
        self.contract = contract
        self.render_mode = render_mode
        self.simulation: Simulated = make_simulation(
            contract, lidar_rays=lidar_rays, gui=render_mode == 'human', plant=plant)
        vector = spaces.Box(contract.obs_low, contract.obs_high, dtype=np.float32)
        offered = {offer.topic for offer in self.simulation.offers}
        self.observation_space: spaces.Space[Any] = spaces.Dict({OBSERVATION: vector, **{
            source.name: spaces.Box(0, 255, source.feature.shape, np.uint8)
            for source in contract.images if source.topic in offered}}
        ) if contract.images else vector
        action = contract.action
        self.action_space = (
            spaces.Discrete(len(action.discrete)) if action.discrete else
            spaces.Box(action.low.astype(np.float32), action.high.astype(np.float32)))
        self._limiter = Limiter(action, action.rest)
        self._reasons: tuple[str, ...] = ()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin the episode of ``seed``, or of the next random one."""
        super().reset(seed=seed)
        world = int(self.np_random.integers(2 ** 31)) if seed is None else seed
        self._reasons = ()
        tick = self.simulation.reset(world)
        self._limiter.jump(self.contract.begin_at(
            self.simulation.observe(tick.readings, tick.stamp_ns)))
        return self._result(tick)

    def step(
        self, action: np.ndarray | int,
    ) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Drive one tick."""
        spec = self.contract.action
        wanted = spec.table[int(action)] if spec.discrete else np.asarray(action, np.float64)
        applied, self._reasons = self._limiter.towards(wanted, self.simulation.period_s)
        tick = self.simulation.step(applied)
        observation, info = self._result(tick)
        verdict = tick.verdict
        return observation, verdict.reward, verdict.terminated, verdict.truncated, info

    def close(self) -> None:
        """Give the physics server back."""
        self.simulation.close()

    def _result(self, tick: Tick) -> tuple[Any, dict[str, Any]]:
        values = self.simulation.observe(tick.readings, tick.stamp_ns)
        valid = np.isfinite(values)
        info = {
            'success': tick.verdict.success, 'stop_reason': tick.verdict.stop_reason,
            'collision': tick.contact.body if tick.contact else '', 'pose': self.simulation.pose,
            'path_length_m': tick.path_length_m,
            'shortest_path_m': self.simulation.shortest_path_m,
            'time_s': tick.step * self.simulation.period_s, 'valid': valid,
            'applied': self._limiter.applied.copy(), 'reasons': self._reasons}
        seen = np.where(valid, values, np.float32(0.0))
        if not self.contract.images:
            return seen, info
        return {OBSERVATION: seen, **self.simulation.images()}, info


class BaseEnv(IlwEnv):
    """The environment of a base: it can be drawn from above, and driven in changed worlds."""

    simulation: Simulation
    metadata = {'render_modes': ['rgb_array', 'human'], 'render_fps': 10}

    def render(self) -> np.ndarray | None:
        """Return the room from above, ``(H, W, 3)`` uint8; nothing when a window shows it."""
        if self.render_mode != 'rgb_array':
            return None
        scene, (x, y, yaw) = self.simulation.scene, self.simulation.pose
        pixel_m = max(_PIXEL_M, max(scene.size) / _PIXELS)
        grid = make_grid(scene.size, scene.shapes, pixel_m, corner=scene.origin)
        xs, ys = grid.centres()
        image = np.full((*xs.shape, 3), 255, dtype=np.uint8)
        image[grid.clearance_m <= 0.0] = (60, 60, 70)
        near_goal = np.hypot(xs - scene.goal[0], ys - scene.goal[1])
        image[near_goal <= self.contract.goal_radius_m] = (120, 200, 120)
        image[np.hypot(xs - x, ys - y) <= self.simulation.world.drive.radius_m] = (50, 110, 180)
        nose = (x + 0.1 * np.cos(yaw), y + 0.1 * np.sin(yaw))
        image[np.hypot(xs - nose[0], ys - nose[1]) <= 0.05] = (255, 220, 60)
        return image[::-1]

    def things(self) -> dict[str, np.ndarray]:
        """Return what stands in the world, by name: its outline, ``(N, 2)`` corners [m]."""
        return outlines(self.simulation.scene)

    def changes(self, names: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """Return what can be otherwise, in words, and as ``retrace`` takes it."""
        return [('goal to the left', {'goal_turn_rad': _TURN_RAD}),
                ('goal to the right', {'goal_turn_rad': -_TURN_RAD}),
                *((name, {'without': name}) for name in names)]

    def retrace(self, seed: int, actions: np.ndarray, do: Mapping[str, Any] | None = None, *,
                images: bool = False) -> Retraced:
        """
        Drive an episode again, or one in a changed world, and ask the expert at each tick.

        The robot goes the same way wherever nothing else touches it: its actions are those that
        were applied, whatever it would see. The episode that was there is over.

        :param actions: ``(T, Da)`` as applied, contract units.
        :param do: what is otherwise; see ``ilw_sim.counterfactual.changed``.
        :param images: as ``ArmEnv.retrace`` has it; a base has no cameras.
        :raises IlwError: no world comes from this seed, or there is no such thing to change.
        """
        simulation = self.simulation
        tick = simulation.reset(seed, change=lambda scene: changed(scene, do or {}))
        scene = simulation.scene
        expert = Expert(self.contract, np.random.default_rng(0), imperfection=0.0)
        expert.plan(make_grid(scene.size, scene.shapes, MAP_RESOLUTION_M, corner=scene.origin),
                    scene.goal)
        rows = []
        for action in (*actions, None):
            obs, info = self._result(tick)
            rows.append((obs, info['valid'], simulation.pose, expert.drive(simulation.pose)))
            if action is not None:
                tick = simulation.step(np.asarray(action, dtype=np.float64))
        return Retraced(*(np.array(column) for column in zip(*rows, strict=True)))


class ArmEnv(IlwEnv):
    """The environment of an arm: it can be driven in changed worlds."""

    simulation: ArmSimulation

    def things(self) -> dict[str, np.ndarray]:
        """Return what lies on the table, by name: its outline, ``(N, 2)`` corners [m]."""
        return {thing.name: outline(thing) for thing in self.simulation.scene.things}

    def changes(self, names: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """Return what can be otherwise, in words, and as ``retrace`` takes it: things' places."""
        lights = [('light down to the half', {'light': 0.5}),
                  ('light to the other side', {'light_turn_rad': math.pi})]
        return [*((f'{name} to the {side}', {'moved': name, 'y_m': by_m}) for name in names
                  for side, by_m in (('left', _MOVED_M), ('right', -_MOVED_M))),
                *(lights if self.simulation.images() else ())]

    def retrace(self, seed: int, actions: np.ndarray, do: Mapping[str, Any] | None = None, *,
                images: bool = False) -> Retraced:
        """
        Drive an episode again, or one in a changed world, and ask the expert at each tick.

        As ``BaseEnv.retrace``: the arm goes the same way, whatever it would see.

        :param do: ``{'moved': 'cube', 'y_m': 0.05}``: that thing lies so much further to the left;
            or another light; see ``ilw_sim.arm.scene.altered``.
        :param images: what the contract observes as images is drawn, too; it takes time.
        :raises IlwError: no world comes from this seed, or there is no such thing to move.
        """
        simulation, contract = self.simulation, self.contract
        tick = simulation.reset(seed, change=lambda scene: altered(scene, do or {}))
        hand = ArmHand(contract, Stick(config_file('joysticks', 'xbox')), seed=0, imperfection=0.0)
        rows, drawn = [], list[dict[str, np.ndarray]]()
        for action in (*actions, None):
            values = simulation.observe(tick.readings, tick.stamp_ns)
            valid = np.isfinite(values)
            rows.append((np.where(valid, values, np.float32(0.0)), valid, simulation.pose,
                         np.nan_to_num(hand.wish(tick.readings))))
            drawn.append(simulation.images() if images else {})
            if action is not None:
                tick = simulation.step(np.asarray(action, dtype=np.float64))
        return Retraced(*(np.array(column) for column in zip(*rows, strict=True)), {
            name: np.array([each[name] for each in drawn]) for name in drawn[0]})


def make_env(
    contract: str | Path | Contract, *, lidar_rays: int | None = None,
    render_mode: str | None = None, plant: str | Path | PlantProfile | Answers | None = None,
) -> IlwEnv:
    """
    Return the environment of a contract, given as name in ``config/tasks``, path or object.

    :param plant: likewise, in ``config/plants``; of an arm also a function that gives the arm of
        an episode by its seed.
    :raises IlwError: there is no such contract or plant, or it cannot be simulated.
    """
    if not isinstance(contract, Contract):
        contract = load_contract(config_file('tasks', str(contract)))
    kind = ArmEnv if is_arm(contract) else BaseEnv
    return kind(contract, lidar_rays=lidar_rays, render_mode=render_mode,
                plant=plant if callable(plant) else find_plant(plant))
