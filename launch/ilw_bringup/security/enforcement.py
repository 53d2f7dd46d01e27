"""
Can DDS security be enforced here, and will these nodes start under it? Asked before they do.

Nodes that are not let in fail each in its own words, or wait in silence; this says it once.
"""

from collections.abc import Iterable
from datetime import datetime, timezone
import os
from pathlib import Path
import subprocess
import sys
import tempfile

from ilw_bringup.security.dds_names import Topics, dds_topics
from ilw_bringup.security.documents import read_permissions
from ilw_bringup.security.keystore import (
    ENCLAVE_FILES,
    create_keystore,
    enclave_folder,
    is_keystore,
)
from ilw_bringup.security.node_uses import EVERY_NODE, node_uses
from ilw_bringup.start.bringup import NodeSpec
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_core.text.printable import pasteable

_TRIAL = ('import sys, rclpy; rclpy.init(args=sys.argv); '
          'rclpy.create_node("trial").destroy_node(); rclpy.shutdown()')
_TRIAL_S = 60.0
"""A node starts in one or two; more on a busy machine"""
_NO_PLUGIN = "doesn't have the security libraries"
"""In what rmw_fastrtps says when it was compiled without them"""


def security_environment(keystore: Path) -> dict[str, str]:
    """Return the variables with which a node takes its key, or refuses to start."""
    return {'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce',
            'ROS_SECURITY_KEYSTORE': str(keystore.absolute())}


def domain_id() -> int:
    """Return the domain that nodes started from here are in."""
    text = os.environ.get('ROS_DOMAIN_ID') or '0'
    if not text.isdecimal():
        raise IlwError(f'ROS_DOMAIN_ID must be a whole number. Got {text!r}.')
    return int(text)


def why_not_enforced() -> str:
    """Return why this ROS cannot enforce DDS security; empty when it can."""
    with tempfile.TemporaryDirectory() as folder:
        keystore = Path(folder) / 'keystore'
        create_keystore(keystore, {'/trial': dds_topics(EVERY_NODE, '/', 'trial')},
                        domain_id=domain_id(), now=utc_now())
        return _try(keystore, '/trial', 'trial')


def require_enforcement(keystore: Path, specs: Iterable[NodeSpec], contract: Contract, *,
                        simulated: bool, clock: bool | None = None) -> None:
    """
    Make sure that these nodes will start, and only with their keys.

    :param simulated: as in ``node_uses``; ``clock``, too.
    :raises IlwError: they would not; says what to do.
    """
    if not is_keystore(keystore):
        raise IlwError(f'{keystore} is not a keystore. Make it: ./ilw security init '
                       f'{pasteable(keystore)}.')
    uses = node_uses(contract, simulated=simulated, clock=clock)
    for spec in specs:
        if spec.name not in uses:
            raise IlwError(f'Every node must have permissions. {spec.name} has none here. Leave '
                           f'it away: the expert is for the simulator only, and rviz has no keys.')
        needed = dds_topics(uses[spec.name], spec.namespace or '/', spec.name, spec.remappings)
        _check_enclave(keystore, spec.enclave, needed)
    if why := why_not_enforced():
        raise IlwError(f'DDS security cannot be enforced here. {why}')


def utc_now() -> datetime:
    """Return the time as the keystore's documents write it."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _check_enclave(keystore: Path, enclave: str, needed: Topics) -> None:
    folder = enclave_folder(keystore, enclave)
    add = f'./ilw security init {pasteable(keystore)} --add'
    missing = [name for name in ENCLAVE_FILES if not (folder / name).is_file()]
    if missing:
        raise IlwError(f'{keystore} has no whole enclave {enclave} ({missing[0]} is missing). '
                       f'Add it: {add}, with --task and --namespace as they are used here.')
    given = read_permissions(folder / 'permissions.xml')
    if given.domain_id != domain_id():
        raise IlwError(f'{enclave} is for ROS_DOMAIN_ID {given.domain_id}. Got {domain_id()}. '
                       f'Set it so, or make a keystore for this one.')
    if not given.begin <= utc_now() <= given.end:
        raise IlwError(f'{enclave} is valid from {given.begin} to {given.end} UTC. Now it is '
                       f'{utc_now():%Y-%m-%d %H:%M}. Set the clock, or make another keystore.')
    for verb in ('publish', 'subscribe'):
        lacking = sorted(getattr(needed, verb) - getattr(given.topics, verb))
        if lacking:
            raise IlwError(f'{enclave} must {verb} {lacking[0]}, which its permissions do not '
                           f'allow. Allow it: {add} with --task for each task that is used, and '
                           f'--robot and --profile as they are used here.')


def _try(keystore: Path, enclave: str, name: str) -> str:
    command = [sys.executable, '-P', '-c', _TRIAL, '--ros-args', '--enclave', enclave,
               '-r', f'__node:={name}']
    try:
        done = subprocess.run(command, env={**os.environ, **security_environment(keystore)},
                              capture_output=True, text=True, check=False, timeout=_TRIAL_S)
    except subprocess.TimeoutExpired:
        return f'A node tried it for {_TRIAL_S:.0f} s in vain.'
    if done.returncode == 0:
        return ''
    if _NO_PLUGIN in done.stderr:
        return ('This ROS was built without the security plugin (the ROS wheels of PyPI are), so '
                'every node would refuse to start. Use a ROS installation that has it, as the '
                'packages of ros.org do: source it, then ./ilw setup. Without --security nodes '
                'start, and anyone on the network can listen and command.')
    return 'A node that tried it said: ' + ' '.join(done.stderr.split())[-300:]
