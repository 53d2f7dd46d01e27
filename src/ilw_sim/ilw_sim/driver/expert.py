"""
A driver that sees the whole map: it slides down the cost to the goal.

What it does depends only on where it is and how it stands, never on a path it once chose, so that
its driving is a function of what a policy can observe, and any push off its way is corrected.
"""

from dataclasses import dataclass
import math

import numpy as np

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_sim.physics.diff_drive import Pose
from ilw_sim.physics.robot import robot_of
from ilw_sim.sensing.readings import wrap
from ilw_sim.tasks.grid import Grid, cost_to_go

_FREE_M = 0.7          # clearance beyond which more of it is worth nothing
_MARGIN_M = 0.12        # what it keeps from obstacles if it can: room for a clone's errors
_MAP_ERROR_M = 0.02     # of a clearance on a map of 5 cm
_NEAR_COST = 5.0        # cost of a metre that grazes an obstacle, against one in the open
_OFF_COST = 20.0        # of a metre off the distance to keep from a wall by half of it
_TIGHT_COST = 60.0      # no way through, but a way out for a robot pushed in there
_LOOKAHEAD_M = 0.45
_STRAIGHT_RAD = 0.25    # with named actions: closer than this to the way counts as straight
_STEP_M = 0.05
_BUTTONS = ('right', 'forward', 'left')  # in the order of the turn they ask for


@dataclass
class Style:
    """How one driver differs from another."""

    speed_ratio: float
    """Of the task's largest speed"""
    gain: float
    """Turn rate per heading error [1/s]"""
    push_chance: float
    """Probability per tick that a wrong push begins"""


class Expert:
    """
    One driver.

    :param rng: source of style and mistakes.
    :param imperfection: 0 drives as well as it can; 1 varies and errs as a person would.
    """

    def __init__(
        self, contract: Contract, rng: np.random.Generator, imperfection: float = 1.0,
    ) -> None:
        self._contract, self._rng, self._imperfection = contract, rng, imperfection
        self._action: ActionSpec = contract.action
        self._robot_m = robot_of(contract).radius_m
        # A task says what is free around its way: more than that nobody can keep.
        self._margin_m = min(_MARGIN_M, contract.scene.get('clearance_m', math.inf)
                             - self._robot_m - _MAP_ERROR_M)
        self._wall_m: float | None = contract.scene.get('wall_m')
        self._forward, self._turn = twist_fields(contract.action, 'The simulated robot')
        self._field = np.zeros((1, 1))
        self._grid = Grid(1.0, (0.0, 0.0), np.ones((1, 1)))
        self._slopes = (self._field, self._field)
        self._style = Style(1.0, 2.5, 0.0)
        self._push: tuple[int, float, float] = (0, 0.0, 0.0)  # ticks left, turn, speed ratio

    def plan(self, grid: Grid, goal: tuple[float, float]) -> None:
        """Look at the map of a new episode and choose a style for it."""
        inner = self._robot_m + self._margin_m
        if self._wall_m is None:
            near = np.clip((_FREE_M - grid.clearance_m) / (_FREE_M - inner), 0.0, 1.0)
            extra = _NEAR_COST * near ** 2
        else:
            off = (grid.clearance_m - self._wall_m) / (0.5 * self._wall_m)
            extra = _OFF_COST * np.minimum(np.abs(off), 1.5) ** 2
        cost = np.where(grid.clearance_m < inner, _TIGHT_COST, 1.0 + extra)
        cost[grid.clearance_m < 0.5 * self._robot_m] = np.inf
        self._grid = grid
        self._field = cost_to_go(grid, cost, goal, 0.5 * self._contract.goal_radius_m)
        known = np.where(np.isfinite(self._field), self._field, np.nan)
        # A goal that cannot be reached from anywhere leaves no slope: it stays where it is.
        highest = float(np.nanmax(known)) if np.isfinite(self._field).any() else 0.0
        filled = np.where(np.isnan(known), highest + 2.0, known)
        dy, dx = np.gradient(filled, grid.resolution_m)
        self._slopes = (dx, dy)
        much, rng = self._imperfection, self._rng
        self._style = Style(
            speed_ratio=1.0 - 0.1 * much * rng.random(),
            gain=2.5 + 0.5 * much * rng.uniform(-1, 1), push_chance=0.002 * much)
        self._push = (0, 0.0, 0.0)

    def cost(self, pose: Pose) -> float:
        """Return the cost of the way to the goal from a pose; a metre in the open costs 1."""
        return float(self._field[self._grid.cell(pose[0], pose[1])])

    def drive(self, pose: Pose) -> np.ndarray:
        """Return the action of ``(Da,)`` wanted at a true pose; call it once per tick."""
        error, room_m = self._look(pose)
        forward, turn = self._perfect(error, room_m, self._free_ahead(pose))
        self._maybe_err()
        ticks, push_turn, push_forward = self._push
        if ticks:
            self._push = (ticks - 1, push_turn, push_forward)
            turn, forward = push_turn * self._action.high[self._turn], forward * push_forward
            if self._action.discrete:  # never to stand: a clone that learns it stays there
                forward, turn = self._button(_BUTTONS[int(1.5 * (push_turn + 1.0))])
        wanted = np.zeros(self._action.dim)
        wanted[self._forward], wanted[self._turn] = forward, turn
        return np.clip(wanted, self._action.low, self._action.high)

    def _perfect(self, error: float, room_m: float, ahead_m: float) -> tuple[float, float]:
        """Return (forward, turn) for a heading error, clearance on the way and free way ahead."""
        fastest, spin = self._action.high[self._forward], self._action.high[self._turn]
        if self._action.discrete:
            # A person with four buttons: turn until about straight, then go.
            if abs(error) > _STRAIGHT_RAD:
                return self._button('left' if error > 0 else 'right')
            return self._button('forward')
        ease = max(0.0, math.cos(min(abs(error) * 1.3, math.pi / 2)))
        slow = min(1.0, 0.25 + max(0.0, room_m - self._robot_m) / 0.6)
        turn = min(max(self._style.gain * error, -spin), spin)
        brake = min(1.0, max(0.0, (ahead_m - 0.05) / 0.9))
        return fastest * self._style.speed_ratio * min(ease * slow, brake), turn

    def _button(self, name: str) -> tuple[float, float]:
        action = self._action.discrete[name]
        return float(action[self._forward]), float(action[self._turn])

    def _look(self, pose: Pose) -> tuple[float, float]:
        """Slide down the cost for the lookahead; return (heading error, least clearance)."""
        x, y, yaw = pose
        px, py, room_m = x, y, math.inf
        before_x = before_y = 0.0
        for _ in range(round(_LOOKAHEAD_M / _STEP_M)):
            gx, gy = self._slope(px, py)
            norm = math.hypot(gx, gy)
            if norm < 1e-6:
                break
            down_x, down_y = -gx / norm, -gy / norm
            along_x, along_y = down_x, down_y
            if down_x * before_x + down_y * before_y < 0.0:
                # Back across the bottom of a narrow valley: on along it instead.
                along_x, along_y = down_x + before_x, down_y + before_y
                norm = math.hypot(along_x, along_y)
                if norm < 1e-6:
                    break
                along_x, along_y = along_x / norm, along_y / norm
            before_x, before_y = down_x, down_y
            px, py = px + _STEP_M * along_x, py + _STEP_M * along_y
            room_m = min(room_m, float(self._grid.clearance_m[self._grid.cell(px, py)]))
        return wrap(math.atan2(py - y, px - x) - yaw), room_m

    def _free_ahead(self, pose: Pose) -> float:
        """Return how far the robot could go straight on [m], up to 1."""
        x, y, yaw = pose
        for i in range(1, 21):
            ahead_m = i * _STEP_M
            cell = self._grid.cell(x + ahead_m * math.cos(yaw), y + ahead_m * math.sin(yaw))
            if self._grid.clearance_m[cell] < self._robot_m + 0.5 * self._margin_m:
                return ahead_m - _STEP_M
        return 1.0

    def _slope(self, x: float, y: float) -> tuple[float, float]:
        """Return the gradient of the cost at a point, bilinear between cell centres."""
        rows, columns = self._field.shape
        u = (x - self._grid.origin[0]) / self._grid.resolution_m - 0.5
        v = (y - self._grid.origin[1]) / self._grid.resolution_m - 0.5
        c, r = min(max(int(u), 0), columns - 2), min(max(int(v), 0), rows - 2)
        a, b = u - c, v - r
        dx, dy = (((1 - b) * ((1 - a) * g[r, c] + a * g[r, c + 1])
                   + b * ((1 - a) * g[r + 1, c] + a * g[r + 1, c + 1])) for g in self._slopes)
        return float(dx), float(dy)

    def _maybe_err(self) -> None:
        """Begin a short wrong push, at times."""
        style, rng = self._style, self._rng
        if not self._push[0] and rng.random() < style.push_chance:
            self._push = (int(rng.integers(2, 5)), float(rng.uniform(-1, 1)),
                          float(rng.uniform(0.5, 1.0)))
