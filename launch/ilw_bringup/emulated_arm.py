"""
An emulated arm at its task as time goes by: commands come when they come.

Between two commands it goes on with what it heard, as a robot does; nothing ends by itself.
"""

from dataclasses import replace

import numpy as np

from ilw_bringup.emulator_worlds import emulated_arms
from ilw_core.contract.file import Contract
from ilw_emulator.arm.answer import HearingArm
from ilw_emulator.arm.traits import ArmEmulatorProfile
from ilw_sim.arm.servo import SERVO_EVERY
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.lockstep import CommandGate
from ilw_sim.physics.actuation import PHYSICS_HZ

RATE_HZ = PHYSICS_HZ / (2 * SERVO_EVERY)
"""Of its sensors, whatever the contract's rate: cameras have it, too"""
_TIMEOUT_S = 0.5
"""Without a newer command for so long it stops by itself, as the simulated one"""
_BEHIND_NS = 500_000_000
"""What is less late is caught up with; where the computer is later, nothing happened meanwhile"""


class LiveArm:
    """
    One arm of a profile. Instants are integer nanoseconds of one clock and never go back.

    :param machine: seed of the arm.
    :param world: seed of what lies on the table.
    :param begin_ns: when it is switched on.
    :raises IlwError: the contract is not one for an arm, or asks for what this one has not.
    """

    def __init__(self, contract: Contract, profile: ArmEmulatorProfile, machine: int, world: int,
                 begin_ns: int) -> None:
        # What pushes a simulated tool off its way is no trait of an arm.
        fast = replace(contract, rate_hz=RATE_HZ, scene={**contract.scene, 'veer_chance': 0.0})
        self.simulation = ArmSimulation(fast, plant=emulated_arms(
            fast, profile, machine, kind=HearingArm, readings=round(RATE_HZ / contract.rate_hz)))
        self._gate = CommandGate(contract, _TIMEOUT_S)
        self.left_out_s = 0.0
        """For which nothing happened, as the computer was too slow"""
        self.begin(world, begin_ns)

    @property
    def refused(self) -> int:
        """Commands that were no actions."""
        return self._gate.refused

    def begin(self, world: int, begin_ns: int) -> None:
        """
        Put the arm where it begins, and another world on the table.

        :param begin_ns: until then it says nothing and hears nothing; not before now.
        """
        simulation = self.simulation
        tick = simulation.reset(world, begin_ns)
        self._gate.clear()
        self._told = simulation.contract.begin_at(simulation.observe(tick.readings, begin_ns))
        self._arm.wanted, self._driven = self._told, False

    def command(self, values: list[float], now_ns: int) -> bool:
        """Take a command ``(Da,)`` that arrives now; return whether it is an action."""
        if now_ns < self.simulation.tick.stamp_ns:
            return True  # it is not there yet
        refused = self._gate.refused
        self._gate.offer(0, now_ns, values)
        if self._gate.refused > refused:
            return False
        self._driven = True
        self._tell(now_ns)
        return True

    def advance(self, now_ns: int) -> bool:
        """Go on to the next reading, if it is due by now; return whether it was."""
        simulation = self.simulation
        period_ns, reached_ns = simulation.contract.period_ns, simulation.tick.stamp_ns
        late_ns = now_ns - reached_ns - period_ns
        if late_ns < 0:
            return False
        if late_ns > _BEHIND_NS:
            simulation.restamp(reached_ns + late_ns)
            self.left_out_s += late_ns / 1e9
        if self._driven:
            self._tell(simulation.tick.stamp_ns)  # silence stops it
        simulation.step(self._told)
        simulation.actions.clear()  # nobody comes back to them
        return True

    @property
    def _arm(self) -> HearingArm:
        arm = self.simulation.answer
        assert isinstance(arm, HearingArm)
        return arm

    def _tell(self, now_ns: int) -> None:
        wanted = self._gate.action(now_ns)
        if not np.array_equal(wanted, self._told):
            self._arm.hear(wanted, (now_ns - self.simulation.tick.stamp_ns) / 1e9)
            self._told = wanted
