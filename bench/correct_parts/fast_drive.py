"""One attempt in process: policy, scripted person and arbiter, as over the nodes, tick by tick."""

from collections.abc import Iterable
from dataclasses import dataclass, field
import math

from correct_parts.fast_world import FastWorld
import numpy as np

from ilw_bringup.correct.lookout import Lookout
from ilw_core.align import Observation
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode, Outcome, Source
from ilw_core.storage.locate import config_file
from ilw_learner.asking.help_gate import asked as is_asked
from ilw_learner.asking.robot_gate import RobotGate
from ilw_learner.correction.attempt import CorrectedAttempt, largest_jump, requests
from ilw_learner.correction.weights import hand_backs, takeovers
from ilw_learner.runtime.runner import PolicyRunner
from ilw_sim.driver.asked import AskedPerson
from ilw_sim.driver.expert import Expert
from ilw_sim.tasks.scene import make_grid
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.robot_profile import load_profile

_GRID_M = 0.05


@dataclass
class Drive:
    """What a drive leaves."""

    obs: list[np.ndarray] = field(default_factory=list)
    applied: list[np.ndarray] = field(default_factory=list)
    driver: list[Source] = field(default_factory=list)
    wanted_driver: list[Source] = field(default_factory=list)
    """Who pressed last when it was decided: the person if the deadman was held"""
    places: list[tuple[float, float]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """Why the policy did not drive; empty where it did"""
    success: bool = False
    stop_reason: str = ''


def drive(world: FastWorld, seed: int, policy: PolicyRunner | None, hand: 'Hand',
          gate: RobotGate | None = None) -> Drive:
    """
    Drive one episode through the arbiter.

    :param policy: what drives while nobody holds the stick; ``None``: nothing does.
    :param gate: that of the policy, if it asks for help.
    """
    contract, found = world.contract, Drive()
    obs, info = world.reset(seed=seed)
    arbiter = Arbiter(contract, armed=True, profile=load_profile(config_file(
        'robots', 'sim_diff_drive')))
    if policy is not None:
        policy.reset()
    hand.begin(world, seed)
    now, done = 1_000_000_000, False
    while not done:
        found.obs.append(obs)
        found.places.append(world.pose[:2])
        _see(arbiter, obs, contract, now)
        asked, reason = None, ''
        if policy is not None:
            policy.observe(Observation(0, obs.astype(np.float32), info['valid'], 0, {}))
            asked, reason = policy.drive()
            arbiter.offer(_request(contract, Source.POLICY, now, asked), now, now)
        found.reasons.append(reason)
        hand.hear(reason)
        held = hand.pressed(now, world, contract.action.rest if asked is None else asked)
        arbiter.offer(_request(contract, Source.PERSON, now, held), now, now)
        decision = arbiter.decide(now, now)
        if gate is not None:
            gate.hear(decision.applied if decision.source is Source.PERSON else None)
        found.applied.append(decision.applied)
        found.driver.append(decision.source)
        found.wanted_driver.append(Source.POLICY if held is None else Source.PERSON)
        obs, _, terminated, truncated, info = world.step(decision.applied)
        done, now = terminated or truncated, now + contract.period_ns
    found.obs.append(obs)
    found.success, found.stop_reason = info['success'], info['stop_reason']
    return found


class Hand:
    """
    The scripted person's: the expert's, whenever the lookout says so.

    :param lookout: ``None``: it demonstrates, from the first tick to the last.
    :param seed: of its style, with the world's.
    :param helper: takes the stick when the policy asks, instead of the lookout.
    """

    def __init__(self, lookout: Lookout | None, seed: int,
                 helper: AskedPerson | None = None) -> None:
        self._lookout, self._seed, self._helper = lookout, seed, helper
        self._expert: Expert

    def begin(self, world: FastWorld, seed: int) -> None:
        """Look at the map of a new episode."""
        scene = world.scene
        self._expert = Expert(world.contract, np.random.default_rng([self._seed, seed]),
                              0.0 if self._lookout or self._helper else 1.0)
        self._expert.plan(make_grid(scene.size, scene.shapes, _GRID_M, corner=scene.origin),
                          scene.goal)
        if self._helper is not None:
            self._helper.begin()
        if self._lookout is not None:
            self._lookout.enter(seed)
            self._lookout.begin()

    def hear(self, reason: str) -> None:
        """Take in why the policy does not drive."""
        if self._helper is not None:
            self._helper.hear(bool(is_asked(reason)))

    def pressed(self, now_ns: int, world: FastWorld, asked: np.ndarray) -> np.ndarray | None:
        """Return what the stick says, (Da,); ``None`` while nobody holds the deadman."""
        if self._helper is not None:
            return self._expert.drive(world.pose) if self._helper.look(now_ns) else None
        if self._lookout is None or self._lookout.look(now_ns, world.pose, world.speeds, asked,
                                                       self._expert.cost):
            return self._expert.drive(world.pose)
        return None


def as_episode(found: Drive, name: str, contract: Contract) -> Episode:
    """Return a drive as an episode, as it is read from a recording."""
    obs = np.array(found.obs, dtype=np.float32)
    return Episode(
        name=name, obs=obs, obs_valid=np.ones_like(obs, dtype=bool),
        actions=np.array(found.applied, dtype=np.float32),
        action_valid=np.ones(len(found.applied), dtype=bool),
        stamps_ns=np.arange(len(obs), dtype=np.int64) * contract.period_ns + 1_000_000_000,
        outcome=Outcome.SUCCESS if found.success else Outcome.FAILURE,
        stop_reason=found.stop_reason, contract_hash=contract.hash,
        driver=np.array(found.driver, dtype=np.uint8))


def as_attempt(episode: Episode, contract: Contract, places: np.ndarray,
               reasons: Iterable[str]) -> CorrectedAttempt:
    """
    Return what an attempt shows.

    :param places: (T, 2) where the robot was at each step.
    :param reasons: (T,) why the policy did not drive.
    """
    assert episode.driver is not None
    taken = takeovers(episode.driver)
    person = int((episode.driver == Source.PERSON).sum())
    return CorrectedAttempt(
        episode=episode.name, success=episode.outcome is Outcome.SUCCESS,
        stop_reason=episode.stop_reason, steps=len(episode.actions), person_steps=person,
        person_s=round(person / contract.rate_hz, 3), takeovers=len(taken),
        takeover_jump=largest_jump(episode.actions, taken, contract),
        hand_back_jump=largest_jump(episode.actions, hand_backs(episode.driver), contract),
        places=tuple((round(float(x), 3), round(float(y), 3)) for x, y in places[taken]),
        policy_steps=int((episode.driver == Source.POLICY).sum()), **requests(reasons))


def _see(arbiter: Arbiter, obs: np.ndarray, contract: Contract, now: int) -> None:
    if arbiter.ahead is None:
        return
    feature, at = contract.sources[0].feature, 0  # one beam in each sector of the family's tasks
    step = 2.0 * math.pi / feature.dim
    arbiter.ahead.see(now, obs[at:at + feature.dim], 0.0, step, 0.05, 10.0)


def _request(contract: Contract, source: Source, now: int,
             values: np.ndarray | None) -> Request:
    return Request(source, now, values is not None, contract.hash, contract.action.names,
                   1.0 / contract.rate_hz, 1,
                   [] if values is None else [float(each) for each in values])
