"""Which kind of simulated robot a contract is for: a base that drives, or an arm."""

from ilw_core.base.plant import PlantProfile
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_sim.arm.answer import Answers
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.arm.tasks import ARM_TASKS, is_arm
from ilw_sim.simulated import Simulated
from ilw_sim.simulation import Simulation
from ilw_sim.tasks.tasks import TASKS


def make_simulation(contract: Contract, *, lidar_rays: int | None = None, gui: bool = False,
                    plant: PlantProfile | Answers | None = None) -> Simulated:
    """
    Return the simulation of a contract, of whichever kind its task is.

    :param lidar_rays: beams of a base's lidar; ``None``: as the contract's scene says.
    :param plant: what each episode draws its robot from; ``None``: one that obeys at once. Of an
        arm also a function that gives the arm of an episode.
    :raises ContractError: the contract names no simulated task, or options that it has not.
    """
    Section(contract.scene, f'{contract.name}.scene').text('task', choices=(*TASKS, *ARM_TASKS))
    kind = plant.of if isinstance(plant, PlantProfile) else 'arm' if plant else ''
    if kind not in ('', 'arm' if is_arm(contract) else 'base'):
        wanted, got = ('a base', 'an arm') if kind == 'arm' else ('an arm', 'a base')
        raise ContractError(f'{contract.name}: the plant must be one of {wanted}, as the task is. '
                            f'Got one of {got}. Name another, or leave it out.')
    if is_arm(contract):
        if lidar_rays is not None:
            raise ContractError(f'{contract.name}: lidar beams are those of a base. The task is '
                                'one for an arm. Leave them out.')
        return ArmSimulation(contract, gui=gui, plant=plant)
    assert plant is None or isinstance(plant, PlantProfile)
    return Simulation(contract, lidar_rays=lidar_rays, gui=gui, plant=plant)
