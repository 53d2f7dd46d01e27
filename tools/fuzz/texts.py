"""Files that people write: contracts, joysticks, robots, URDFs, training, episode.json."""

from collections.abc import Callable
import json
from pathlib import Path
import time
from types import SimpleNamespace

import numpy as np

from fuzz.target import Target
from ilw_core.base.urdf import read_urdf
from ilw_core.contract.file import parse_contract
from ilw_core.storage.episode_folder import SCHEMA, calendar_s, find_episodes
from ilw_core.storage.files import json_text, parse_json
from ilw_core.storage.locate import config_folder
from ilw_data.episode.copy import origin
from ilw_learner.training.config import load_config
from ilw_sim.arm.description import frames_of, urdf_file
from ilw_sim.arm.kinematics import Kinematics
from ilw_sim.arm.model import load_arm
from ilw_sim.arm.urdf_limits import read_limits
from ilw_sim.driver.stick import Stick
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.robot_profile import load_profile
from ilw_teleop.joystick.layout import BUTTON_CONTROLS, load_joystick
from ilw_teleop.joystick.teleop import Teleop

_TOO_MUCH = (b'timeout_s: 1.0e+308', b'max_rate: 1.0e+308', b'sectors: 999999999999',
                b'tolerance_ms: 1.0e+308', b'min: -1.0e+308', b'name: __class__.x',
                b'type: antigravity/msg/X', b'max: .inf', b'a: &a [*a, *a]')
_PROFILE = b"""robot: r
command_timeout_s: 0.5
urdf: robot.urdf
wheels: {left: wheel_left_joint, right: wheel_right_joint, radius_m: 0.033}
joints: {twist.linear.x: wheel_left_joint}
"""


def targets(folder: Path) -> list[Target]:
    """Return the targets; they write their inputs into an empty folder."""
    config, root = config_folder(), Path(__file__).resolve().parents[2]
    read = {kind: tuple(p.read_bytes() for p in sorted((config / kind).glob('*.yaml')))
            for kind in ('tasks', 'joysticks', 'robots', 'train', 'arms')}
    urdf = (root / 'src/ilw_sim/urdf/diff_drive.urdf').read_bytes()
    (folder / 'robot.urdf').write_bytes(urdf)
    (folder / 'hull.yaml').write_bytes(_PROFILE.replace(b'robot.urdf', b'hull.urdf'))
    clutter = parse_contract((config / 'tasks/clutter.yaml').read_text())

    def in_file(name: str, read_it: Callable[[Path], object]) -> Callable[[bytes], None]:
        file = folder / name

        def run(data: bytes) -> None:
            file.write_bytes(data)
            read_it(file)
        return run

    def joystick(file: Path) -> None:
        layout = load_joystick(file)
        Teleop(clutter, layout, timeout_ns=1).on_sample(0, [0.5], [1])
        for control in BUTTON_CONTROLS:
            layout.press(control, [0.0] * 256, [0] * 256)

    def profile(file: Path) -> None:
        robot = load_profile(file)
        action = robot.tighten(clutter.action)
        assert np.isfinite(robot.saturate(action.high, action)[0]).all()

    def arm(file: Path) -> None:
        model = load_arm(file)
        limits = read_limits(model, read_urdf(urdf_file(model)))
        assert (limits.joints.low_rad < limits.joints.high_rad).all()
        found = Kinematics(frames_of(model), model.base, model.tool, model.joints).jacobian(
            dict(zip(model.joints, model.home_rad, strict=True)))
        assert found.shape == (6, len(model.joints))

    panda = urdf_file(load_arm('franka_panda')).read_bytes()
    (folder / 'own_arm.yaml').write_bytes(read['arms'][0].replace(
        b'franka_panda/panda.urdf', str(folder / 'arm.urdf').encode()))

    def episode(data: bytes) -> None:
        bag = folder / 'episodes' / 'one'
        bag.mkdir(parents=True, exist_ok=True)
        (bag / 'metadata.yaml').touch()
        (bag / 'one.mcap').touch()
        (bag / 'episode.json').write_bytes(data)
        for found in find_episodes(folder / 'episodes'):
            _ = found.outcome, found.stop_reason, found.contract_hash, found.contract_text
            time.localtime(calendar_s(found.meta.get('recorded_at_s'), 0.0))
            copied = parse_json(json_text({**found.meta, 'source': origin(found)}))
            assert copied['source']['path'] == 'one'

    meta = json.dumps({'schema': SCHEMA, 'episode': 'a', 'outcome': 'success', 'steps': 20,
                       'recorded_at_s': 1.8e9,
                       'stop_reason': 'goal', 'contract_hash': clutter.hash,
                       'contract_text': clutter.text, 'versions': {'python': '3.11'}}).encode()
    return [
        Target('contract', _contract, read['tasks'], words=_TOO_MUCH, weight=0.25),
        Target('joystick', in_file('pad.yaml', joystick), read['joysticks'], weight=0.2),
        Target('expert_stick', in_file(
            'stick.yaml', lambda f: Stick(f).press({'forward': 0.5, 'turn': 0.5})),
               read['joysticks'], weight=0.15),
        Target('robot_profile', in_file('profile.yaml', profile), (*read['robots'], _PROFILE),
               words=(b'urdf: ../../../etc/passwd', b'urdf: package:////etc/passwd'), weight=1),
        Target('urdf', in_file('hull.urdf', lambda f: profile(folder / 'hull.yaml')), (urdf,),
               words=(b'velocity="nan"', b'<!DOCTYPE x [<!ENTITY a "b">]>', b'<a>', b'xyz="0"'),
               weight=1),
        Target('arm', in_file('arm.yaml', arm), read['arms'],
               words=(b'urdf: ../../etc/passwd', b'urdf: ""', b'fingers: []', b'joints: [a, a]'),
               weight=0.3),
        Target('arm_urdf', in_file('arm.urdf', lambda f: arm(folder / 'own_arm.yaml')), (panda,),
               words=(b'velocity="nan"', b'<!DOCTYPE x [<!ENTITY a "b">]>', b'<a>', b'xyz="0"',
                      b'<axis xyz="1 0"/>', b'<child link="panda_link0"/>'), weight=0.5),
        Target('train_config', in_file('train.yaml', lambda f: load_config(f, 'maze')),
               read['train'], weight=0.3),
        Target('episode_json', episode, (meta,),
               words=(b'{"a":', b'[', b'NaN', b'"schema"', b'"recorded_at_s"', b'"\\ud800"'),
               weight=2),
    ]


def _contract(data: bytes) -> None:
    """Whatever is accepted as a contract must make an arbiter that keeps to it."""
    contract = parse_contract(data.decode(errors='replace'))
    assert contract.obs_dim == len(contract.obs_names) == len(contract.obs_low)
    arbiter, action = Arbiter(contract), contract.action
    period_ns = contract.period_ns
    for i, values in enumerate((action.high * 2, action.low * 2, action.high)):
        now = (i + 1) * period_ns
        arbiter.offer(Request(1, now, True, contract.hash, action.names, period_ns / 1e9, 1,
                              values.tolist()), now, now)
        applied = arbiter.decide(now, now).applied
        # Where a field is to begin that is measured, and nothing was, nothing is commanded.
        silent = np.isnan(applied) & (np.array(action.measured) != '')
        assert np.all(silent | (applied >= action.low) & (applied <= action.high)), applied
    for source in contract.sources:
        if source.feature.kind == 'lidar_sectors':
            scan = SimpleNamespace(ranges=np.ones(36), angle_min=0.0, angle_increment=0.17,
                                   range_min=0.1)
            source.feature.encode({source.name: scan})
