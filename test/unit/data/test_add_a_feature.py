"""The feature of docs/how-to/add_a_feature.md: one file and one line, from a message to arrays."""

import importlib.util
from pathlib import Path
import re

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
import yaml

from ilw_core.align import Resampler
from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError, FeatureMisfitError
from ilw_core.features.codecs import CODECS
from ilw_data.bag.reader import Bag, read_messages
from ilw_data.episode.arrays import read_arrays

PAGE = Path(__file__).resolve().parents[3] / 'docs/how-to/add_a_feature.md'
STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
BATTERY, COMMAND = 'sensor_msgs/msg/BatteryState', 'geometry_msgs/msg/TwistStamped'
REST = '''
contract: charge
version: 1
rate_hz: 10
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields: [{name: twist.linear.x, unit: m/s, min: -1.0, max: 1.0, max_rate: 1.0}]
  on_stale: stop
'''


def block(language):
    (text,) = re.findall(rf'```{language}\n(.*?)```', PAGE.read_text(), re.DOTALL)
    return text


@pytest.fixture
def contract_text(tmp_path, monkeypatch):
    """Add the page's file to the codecs; return a contract with the page's entry."""
    file = tmp_path / 'battery.py'
    file.write_text(block('python'))
    spec = importlib.util.spec_from_file_location('battery_of_the_page', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(CODECS, 'battery', module.battery)
    return REST + block('yaml')


def header(stamp_ns):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return T['std_msgs/msg/Header'](
        stamp=T['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec), frame_id='')


def battery(stamp_ns, volts, status):
    none = np.zeros(0, dtype=np.float32)
    return T[BATTERY](
        header=header(stamp_ns), voltage=volts, temperature=0.0, current=0.0, charge=0.0,
        capacity=0.0, design_capacity=0.0, percentage=0.0, power_supply_status=status,
        power_supply_health=0, power_supply_technology=0, present=True, cell_voltage=none,
        cell_temperature=none, location='', serial_number='')


def write(folder):
    still = T['geometry_msgs/msg/Vector3'](x=0.0, y=0.0, z=0.0)
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        connections = {name: bag.add_connection(f'/{name}', each, typestore=STORE)
                       for name, each in (('battery', BATTERY), ('cmd_vel', COMMAND))}
        for i in range(21):
            at = 50_000_000_000 + i * 100_000_000
            volts = float('nan') if i == 3 else float(np.float32(12.6 - 0.1 * i))
            bag.write(connections['battery'], at,
                      STORE.serialize_cdr(battery(at, volts, 1 if i > 10 else 2), BATTERY))
            bag.write(connections['cmd_vel'], at, STORE.serialize_cdr(T[COMMAND](
                header=header(at), twist=T['geometry_msgs/msg/Twist'](
                    linear=still, angular=still)), COMMAND))
    return folder


def test_the_feature_of_the_page_goes_from_messages_to_the_arrays_of_an_episode(
        contract_text, tmp_path):
    contract = parse_contract(contract_text)
    bag = write(tmp_path / 'bag')
    arrays = read_arrays(Bag(bag), contract)
    np.testing.assert_allclose(arrays['obs'][[0, 10, 20]],
                               [[1, 0], [1.1 / 2.1, 0], [0.1 / 2.1, 1]], atol=1e-6)
    assert arrays['obs_valid'][3].tolist() == [False, True]
    resampler = Resampler(contract, keep=None)
    for item in read_messages(bag, {'battery'}):
        resampler.push('battery', item.stamp_ns, item.message)
    live = [resampler.observe(int(tick)) for tick in arrays['stamps_ns']]
    assert arrays['obs'].tobytes() == np.stack([each.values for each in live]).tobytes()
    assert np.array_equal(arrays['obs_valid'], np.stack([each.valid for each in live]))


@pytest.mark.parametrize(('old', 'new', 'said'), [
    ('full_v: 12.6', 'full_v: 9.0', r'observation\.battery\.full_v must be a finite number from '),
    ('full_v: 12.6', 'full: 12.6', r'observation\.battery\.full_v is required'),
    ('full_v: 12.6', 'full_v: 12.6, cells: 3', r"battery has unknown key 'cells'")])
def test_its_options_are_checked_as_those_of_any_other(contract_text, old, new, said):
    with pytest.raises(ContractError, match=said):
        parse_contract(contract_text.replace(old, new))


def test_a_type_without_its_fields_is_refused(contract_text, tmp_path):
    data = yaml.safe_load(contract_text)
    data['observation']['battery'] |= {'topic': 'cmd_vel', 'type': COMMAND}
    with pytest.raises(FeatureMisfitError, match=r'battery\.feature: battery reads voltage'):
        read_arrays(Bag(write(tmp_path / 'bag')), parse_contract(yaml.safe_dump(data)))
