"""The environment of a bring-up's nodes: whom they find, end with, and whose key they need."""

from collections.abc import Mapping, Sequence
import os
from pathlib import Path
from typing import Any

from ilw_bringup.start.arguments import sim_time
from ilw_bringup.start.bringup import NodeSpec, discovery
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_ros.launcher import launcher_environment


def node_environment(values: Mapping[str, Any], specs: Sequence[NodeSpec]) -> dict[str, str]:
    """
    Return the variables of these nodes, once it is sure that they can start with them.

    :param values: of the bring-up's arguments, from ``resolve``.
    :raises IlwError: the contract is wrong, said once and not by each node; or there is to be
        security and there cannot be.
    """
    contract = load_contract(config_file('tasks', values['task']))
    variables = discovery(values['network'], os.environ)
    variables |= launcher_environment(detached=values['detached'])
    if values['security']:
        from ilw_bringup.security import enforcement  # needs cryptography, which the rest does not

        keystore = Path(values['security'])
        enforcement.require_enforcement(keystore, specs, contract,
                                        simulated=values.get('robot', 'sim') == 'sim',
                                        clock=sim_time(values))
        variables |= enforcement.security_environment(keystore)
    return variables
