"""An episode as a recording of Rerun, read back by Rerun's own reader."""

import importlib.util
import json
from types import SimpleNamespace as Plain

import cv2
import numpy as np
import pytest

from ilw_core.contract.file import named_contract
from ilw_core.episode import Outcome
from ilw_core.storage.map_file import OCCUPIED, load_map
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.made import MadeRecording
from ilw_data.shown.rerun_file import INSTALL
from ilw_sim.env import make_env

pytestmark = pytest.mark.long
BEGIN_NS = 1_700_000_000_000_000_000
STEPS = 12
GOAL = Plain(header=Plain(frame_id='odom'), pose=Plain(
    position=Plain(x=1.0, y=2.0, z=0.0), orientation=Plain(x=0.0, y=0.0, z=0.0, w=1.0)))
HAS_RERUN = importlib.util.find_spec('rerun') is not None
needs_rerun = pytest.mark.skipif(not HAS_RERUN, reason=f'Rerun is no part of set-up: {INSTALL}')


def drive(folder, task):
    """Record some steps in a simulated world; return its contract, and the pictures as sent."""
    contract, env = named_contract(task), make_env(named_contract(task))
    bag = MadeRecording(folder, contract, {each.topic: each.type for each in contract.sources})
    sent = {each.topic: [] for each in contract.images}

    def readings():
        if not contract.images:
            return {**vars(env.simulation.tick.readings), 'goal': GOAL}
        seen = env.simulation.images()
        for source in contract.images:
            kind = '.jpg' if source.name == 'wrist' else '.png'
            data = cv2.imencode(kind, seen[source.name][..., ::-1])[1].reshape(-1)
            sent[source.topic].append(data.tobytes())
            seen[source.name] = Plain(header=Plain(stamp=None, frame_id='camera'),
                                      format=kind[1:], data=data)
        return {**env.simulation.tick.readings, **{
            source.topic: seen[source.name] for source in contract.images}}

    env.reset(seed=3)
    action = 0.3 * contract.action.high + 0.7 * contract.action.rest
    for _ in range(STEPS):
        stamp_ns = BEGIN_NS + env.simulation.tick.stamp_ns
        bag.tick(stamp_ns, readings())
        _, _, _, _, info = env.step(action.astype(np.float32))
        bag.command(stamp_ns, info['applied'])
    bag.tick(BEGIN_NS + env.simulation.tick.stamp_ns, readings())
    env.close()
    bag.finish(Outcome.SUCCESS, 'rule')
    return contract, sent


def table(path, entity):
    """Return the columns of an entity over the time line [ns], as Rerun's reader gives them."""
    from rerun import dataframe

    view = dataframe.load_recording(str(path)).view(index='time', contents=entity)
    found = view.select().read_all()
    return {name: found[name].cast('int64').to_pylist() if name == 'time'
            else found[name].to_pylist() for name in found.column_names if name != 'log_time'}


def static(path, entity):
    """Return what an entity has that does not change."""
    from rerun import dataframe

    view = dataframe.load_recording(str(path)).view(index='time', contents=entity)
    return view.select_static().read_all().to_pydict()


def column(found, end):
    (name,) = [name for name in found if name.endswith(end)]
    return found[name]


@needs_rerun
def test_rerun_reads_the_numbers_scans_way_and_map_of_a_drive(tmp_path, typed):
    contract, _ = drive(tmp_path / 'drive', 'office')
    code, out, err = typed('episodes', 'export', tmp_path / 'drive', '--task', 'office', '--rerun',
                           tmp_path / 'drive.rrd', '--json')
    assert code == 0, err
    told = json.loads(out)
    episode = load_episode(tmp_path / 'drive', contract)
    chart = load_map(contract.scene_file(contract.scene['map']))
    assert told['steps'] == STEPS and told['scans'] == STEPS + 1 and told['left_out'] == []
    assert told['map_cells'] == np.count_nonzero(chart.cells == OCCUPIED) > 100
    for i, name in enumerate(contract.action.names):
        found = table(tmp_path / 'drive.rrd', f'/action/{name}')
        wanted = episode.actions[:, i].astype(float).tolist()
        assert [each[0] for each in column(found, 'scalars')] == wanted
    since_ns = episode.stamps_ns[:-1] - episode.stamps_ns[0]
    np.testing.assert_allclose(found['time'], since_ns, atol=1000.0)
    for i, name in enumerate(contract.obs_names):
        values = column(table(tmp_path / 'drive.rrd', f'/observation/{name}'), 'scalars')
        assert [each[0] for each in values] == episode.obs[:, i].astype(float).tolist()
    at = column(table(tmp_path / 'drive.rrd', '/odom/odom'), 'translation')
    way = np.array([each[0] for each in at])
    assert way.shape == (STEPS + 1, 3) and np.ptp(way, axis=0).max() > 0.01
    points = column(table(tmp_path / 'drive.rrd', '/odom/odom/scan'), 'positions')
    assert len(points) == STEPS + 1
    # Put by pose and odometry, beams end at walls of the map.
    x, y, z, w = column(table(tmp_path / 'drive.rrd', '/odom/odom'), 'quaternion')[0][0]
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    ends = np.array(points[0])[:, :2] @ turn.T + way[0, :2]
    walls = column(static(tmp_path / 'drive.rrd', '/odom/map'), 'positions')[0]
    assert len(walls) == told['map_cells']
    apart = np.linalg.norm(ends[:, None] - np.array(walls)[None, :, :2], axis=2).min(axis=1)
    assert len(ends) > 20 and np.median(apart) < 0.1 and abs(yaw) > 0.1
    (line,) = column(static(tmp_path / 'drive.rrd', '/odom/way/odom'), 'strips')[0]
    np.testing.assert_allclose(line, way, atol=1e-6)


@needs_rerun
def test_pictures_are_in_it_as_they_were_sent(tmp_path, typed):
    _, sent = drive(tmp_path / 'drive', 'lift')
    code, out, err = typed('episodes', 'export', tmp_path / 'drive', '--task', 'lift', '--rerun',
                           tmp_path / 'drive.rrd', '--json')
    assert code == 0, err
    assert json.loads(out)['pictures'] == 2 * (STEPS + 1)
    kinds = set()
    for topic, pictures in sent.items():
        found = table(tmp_path / 'drive.rrd', f'/camera/{topic}')
        blobs = [bytes(each[0]) for each in column(found, 'blob')]
        assert blobs == pictures
        kinds |= {each[0] for each in column(found, 'media_type')}
    assert kinds == {'image/png', 'image/jpeg'}


@pytest.mark.skipif(HAS_RERUN, reason='Rerun is here: what is said without it cannot be seen')
def test_without_rerun_one_line_says_how_to_get_it(tmp_path, typed):
    drive(tmp_path / 'drive', 'office')
    code, out, err = typed('episodes', 'export', tmp_path / 'drive', '--task', 'office', '--rerun',
                           tmp_path / 'drive.rrd')
    assert (code, out) == (2, '') and INSTALL in err and len(err.splitlines()) == 1
    assert not (tmp_path / 'drive.rrd').exists()


def test_a_file_that_is_there_is_not_overwritten(tmp_path, typed):
    (tmp_path / 'drive.rrd').write_bytes(b'mine')
    code, _, err = typed('episodes', 'export', tmp_path, '--rerun', tmp_path / 'drive.rrd')
    assert code == 2 and '--rerun must be a new file' in err
    assert (tmp_path / 'drive.rrd').read_bytes() == b'mine'
