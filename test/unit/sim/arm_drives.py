"""Drives of simulated arms that several test files need."""

from dataclasses import replace

import numpy as np

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_sim.arm.hand import ArmHand
from ilw_sim.driver.stick import Stick
from ilw_sim.env import make_env
from ilw_teleop.joystick.layout import known_joysticks
from ilw_teleop.joystick.teleop import Teleop

XBOX = config_file('joysticks', 'xbox')


def contract_of(name, **scene):
    """Return a shipped contract with another scene."""
    contract = load_contract(config_file('tasks', name))
    return replace(contract, scene=contract.scene | scene)


def go(simulation, ticks, **fields):
    """Command fields by name, the others zero and the fingers open; return the last tick."""
    action = simulation.contract.action
    values = np.array([fields.get(name, 0.04 if name == 'finger' else 0.0)
                       for name in action.names])
    for _ in range(ticks):
        tick = simulation.step(values)
    return tick


def by_joy(task, seeds, imperfection=1.0, watch=lambda simulation: None):
    """Let the expert drive by Joy, watched before each tick, through the real teleoperation;
    return successes."""
    env = make_env(task)
    contract, simulation = env.unwrapped.contract, env.unwrapped.simulation
    hand = ArmHand(contract, Stick(XBOX), seed=0, imperfection=imperfection)
    teleop = Teleop(contract, known_joysticks()['xbox'], timeout_ns=500_000_000)
    successes, begin_ns = 0, 0
    for seed in seeds:
        _, info = env.reset(seed=seed)
        simulation.restamp(begin_ns)
        hand.on_reset()
        done = False
        while not done:
            watch(simulation)
            now_ns = simulation.tick.stamp_ns
            teleop.notice_applied(info['applied'])
            for axes, buttons in hand.on_tick(now_ns, simulation.tick.readings):
                sample = teleop.on_sample(now_ns, axes, buttons)
            wanted = (sample.values if sample.active
                      else contract.action.halted(info['applied']))
            _, _, terminated, truncated, info = env.step(wanted)
            done = terminated or truncated
        successes += info['success']
        begin_ns = simulation.tick.stamp_ns + 1_000_000_000
    env.close()
    return successes
