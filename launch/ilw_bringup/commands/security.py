"""The commands ``./ilw security``: keys for checkpoints, and keys for nodes."""

import json
from pathlib import Path

import click

from ilw_cli.config_name import ConfigName
from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import echo
from ilw_learner.checkpoint.folder import load_checkpoint, sign_checkpoint
from ilw_learner.checkpoint.signing import load_signing_key, load_trusted_keys, make_key_pair

_PATH = click.Path(path_type=Path)


@click.group()
def security() -> None:
    """
    Keys: who may say what drives the robot, and which node may do what.

    Example: ./ilw security init
    """


@security.command()
@click.argument('name', type=_PATH)
def key(name: Path) -> None:
    """
    Make a key pair to sign checkpoints with: NAME.key is yours, NAME.pub is for the robot.

    Example: ./ilw security key keys/alice
    """
    private, public = make_key_pair(name)
    echo(f'{private} signs: keep it, show it to nobody.\n'
         f'{public} verifies: copy it into the robot\'s folder of trusted keys.', lines=True)


@security.command()
@click.argument('checkpoint', type=_PATH)
@click.option('--key', 'key_file', type=_PATH, required=True, help='Private key, NAME.key.')
def sign(checkpoint: Path, key_file: Path) -> None:
    """
    Sign a checkpoint: a robot that trusts this key may then drive by it.

    Example: ./ilw security sign runs/<id>/checkpoint --key keys/alice.key
    """
    echo(f'Signed: {sign_checkpoint(checkpoint, load_signing_key(key_file))}')


@security.command()
@click.argument('checkpoint', type=_PATH)
@click.option('--trusted-keys', type=_PATH, required=True, help='Folder of public keys.')
def verify(checkpoint: Path, trusted_keys: Path) -> None:
    """
    Tell whose key signed a checkpoint; exit code 2 when it is none of these.

    Example: ./ilw security verify runs/<id>/checkpoint --trusted-keys keys
    """
    found = load_checkpoint(checkpoint, trusted=load_trusted_keys(trusted_keys))
    echo(f'{checkpoint} is whole, and signed by {found.signer}.')


@security.command()
@click.argument('folder', type=_PATH, default=Path('keystore'))
@click.option('--task', 'tasks', type=ConfigName('tasks'), multiple=True,
              default=('clutter',), show_default=True,
              help='Contract whose topics are allowed; more than one may be given.')
@click.option('--robot', type=click.Choice(['sim', 'real']), default='sim', show_default=True,
              help='sim: with the simulator\'s nodes and clock; real: without.')
@click.option('--use-sim-time', is_flag=True, help='Of a robot in another simulator: nodes follow '
              '/clock.')
@click.option('--profile', default='', help='Robot profile in config/robots/, or a path: its '
              'topics and namespace [none].')
@click.option('--namespace', default='', help="Of all nodes, as robot1 [the profile's, or none].")
@click.option('--domain', type=click.IntRange(0, 232), help='Of DDS [ROS_DOMAIN_ID, or 0].')
@click.option('--add', is_flag=True, help='To a keystore that exists: nodes that are in it keep '
              'their keys and get these permissions.')
@click.option('--json', 'as_json', is_flag=True, help='One JSON object on standard output.')
def init(folder: Path, tasks: tuple[str, ...], robot: str, use_sim_time: bool, profile: str,
         namespace: str,
         domain: int | None, add: bool, as_json: bool) -> None:
    """
    Make an SROS 2 keystore: a key for each node, and only the permissions that it needs.

    Example: ./ilw security init keystore --task clutter --task maze
    """
    from ilw_bringup.security.dds_names import Topics, dds_topics
    from ilw_bringup.security.enforcement import domain_id, utc_now, why_not_enforced
    from ilw_bringup.security.keystore import add_enclaves, create_keystore
    from ilw_bringup.security.node_uses import node_uses
    from ilw_bringup.start.robot_names import interface_of

    interface = interface_of({'profile': profile})
    inside = '/' + (namespace or interface.namespace).strip('/')
    enclaves: dict[str, Topics] = {}
    for task in tasks:
        contract = load_contract(config_file('tasks', task))
        for name, uses in node_uses(contract, simulated=robot == 'sim',
                                    clock=use_sim_time or robot == 'sim').items():
            enclave = f'{inside.rstrip("/")}/{name}'
            topics = dds_topics(uses, inside, name, interface.topics)
            enclaves[enclave] = enclaves[enclave] | topics if enclave in enclaves else topics
    (add_enclaves if add else create_keystore)(
        folder, enclaves, now=utc_now(), domain_id=domain_id() if domain is None else domain)
    try:
        why = why_not_enforced()
    except IlwError as error:
        why = str(error)
    if as_json:
        echo(json.dumps({
            'keystore': str(folder), 'enforced_here': not why, 'enclaves': {
                name: {'publish': sorted(t.publish), 'subscribe': sorted(t.subscribe)}
                for name, t in sorted(enclaves.items())}}))
        return
    echo(f'{folder}: keys of {len(enclaves)} nodes: {", ".join(sorted(enclaves))}.\n'
         f'{folder}/private stays on this machine; the rest goes to the robot.\n'
         f'Use it: ./ilw up record --security {pasteable(folder)}', lines=True)
    if why:
        echo(f'note: it cannot be enforced on this machine. {why}', err=True)
