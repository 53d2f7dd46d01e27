"""docs/reference/topics.md against the table of permissions and the nodes' own parameters."""

from dataclasses import fields
from pathlib import Path
import re

import pytest

from ilw_bringup.nodes.arm_emulator_node import ArmEmulatorParams
from ilw_bringup.security.node_uses import EVERY_NODE, LIFECYCLE, node_uses
from ilw_emulator.nodes.emulator_node import EmulatorParams
from ilw_learner.nodes.policy_params import PolicyParams
from ilw_learner.nodes.trainer_params import TrainerParams
from ilw_sim.nodes.expert_node import ExpertParams
from ilw_sim.nodes.parameters import SimParams
from ilw_teleop.nodes import parameters
from ilw_web.nodes.parameters import CockpitParams, FoxgloveParams

PAGE = (Path(__file__).resolve().parents[3] / 'docs' / 'reference' / 'topics.md').read_text()
PARAMETERS = {
    'sim': SimParams, 'expert': ExpertParams, 'joy': parameters.JoyParams,
    'keyboard': parameters.KeyboardParams, 'teleop': parameters.TeleopParams,
    'arbiter': parameters.ArbiterParams, 'recorder': parameters.RecorderParams,
    'status': parameters.StatusParams, 'policy': PolicyParams, 'trainer': TrainerParams,
    'emulator': EmulatorParams, 'arm_emulator': ArmEmulatorParams, 'cockpit': CockpitParams,
    'foxglove': FoxgloveParams}
UNCOUNTED = {*EVERY_NODE.publishes, *LIFECYCLE.publishes, *EVERY_NODE.serves, *LIFECYCLE.serves}


def rows(heading):
    """Return the rows of the first table under a heading, as lists of cells."""
    part = PAGE.split(f'## {heading}\n', 1)[1].split('\n## ')[0]
    found = [[cell.strip() for cell in line.strip('|').split('|')]
             for line in part.splitlines() if line.startswith('|')]
    return found[2:]


def named(cell):
    return {name for name in re.split(r'[, ]+', cell) if name}


def by_node(uses, *kinds):
    """Return name -> the nodes that have it."""
    found = {}
    for node, used in uses.items():
        for kind in kinds:
            for name in set(getattr(used, kind)) - UNCOUNTED:
                found.setdefault(name, set()).add(node)
    return found


@pytest.fixture
def uses(clutter):
    return node_uses(clutter, simulated=True)


def test_each_topic_is_there_with_who_sends_and_who_hears_it(uses):
    page = {row[0].strip('`'): row for row in rows('Topics')}
    sent, heard = by_node(uses, 'publishes'), by_node(uses, 'subscribes')
    assert set(page) == set(sent) | set(heard)
    for name, row in page.items():
        assert named(row[5]) - {'emulator'} == sent.get(name, set()), f'{name}: from'
        assert named(row[6]) - {'emulator'} == heard.get(name, set()), f'{name}: to'


@pytest.mark.parametrize(('heading', 'kind'), [('Services', 'serves'), ('Actions', 'acts')])
def test_each_service_and_action_is_there_with_who_offers_it(uses, heading, kind):
    page = {row[0].strip('`'): named(row[2]) for row in rows(heading)}
    assert page == by_node(uses, kind)


def test_each_parameter_is_there_with_its_default_range_and_text():
    page = {(row[0], row[1].strip('`')): row[2:] for row in rows('Parameters')}
    wanted = {}
    for node, kind in PARAMETERS.items():
        for item in fields(kind):
            meta, default = item.metadata, item.default
            shown = str(default).lower() if isinstance(default, bool) else str(default)
            limits = '' if meta['low'] is None else f'{meta["low"]:g} to {meta["high"]:g}'
            wanted[node, item.name] = [type(default).__name__, shown or 'empty', limits,
                                       meta['text']]
    assert page == wanted


def test_every_node_with_parameters_is_one_of_ours_and_all_are_told_of(uses):
    # The emulators stand in for a robot; what hears every topic gets no key.
    assert set(PARAMETERS) == set(uses) | {'emulator', 'arm_emulator', 'foxglove'}
