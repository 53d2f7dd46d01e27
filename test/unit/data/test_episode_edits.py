"""Edits make new episodes, to the bit, and change no bag: trim, drop, restore, redo, import."""

import json
import os
import shlex

from mcap.reader import make_reader
from mcap.writer import Writer
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from ilw_core.contract.file import load_contract, named_contract, parse_contract
from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import SCHEMA, find_episodes, read_episode
from ilw_data.bag.reader import Bag, read_messages
from ilw_data.episode.bin import drop, dropped, restore
from ilw_data.episode.copy import adopt, cut, origin
from ilw_data.episode.dataset import load_episode, usable

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
MS = 1_000_000
BEGIN_NS = 50_000 * MS
LATCHED = '- {history: 1, depth: 1, reliability: 1, durability: 1, deadline: {sec: 0, nsec: 0}, ' \
          'lifespan: {sec: 0, nsec: 0}, liveliness: 1, liveliness_lease_duration: ' \
          '{sec: 0, nsec: 0}, avoid_ros_namespace_conventions: false}\n'
SUCCESS = {'schema': SCHEMA, 'episode': 'abcdef012345', 'outcome': 'success',
           'stop_reason': 'goal', 'recorded_at_s': 1.8e9, 'task': 'clutter', 'operator': 'ada',
           'robot': 'sim'}


def header(stamp_ns, frame='odom'):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return T['std_msgs/msg/Header'](
        stamp=T['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec), frame_id=frame)


def xyz(kind, x=0.0, y=0.0, z=0.0, **more):
    return T[f'geometry_msgs/msg/{kind}'](x=x, y=y, z=z, **more)


def pose(x, y, yaw):
    return T['geometry_msgs/msg/Pose'](position=xyz('Point', x, y), orientation=xyz(
        'Quaternion', z=np.sin(yaw / 2), w=np.cos(yaw / 2)))


def transforms(child):
    return T['tf2_msgs/msg/TFMessage'](transforms=[T['geometry_msgs/msg/TransformStamped'](
        header=header(BEGIN_NS, 'base'), child_frame_id=child,
        transform=T['geometry_msgs/msg/Transform'](
            translation=xyz('Vector3'), rotation=xyz('Quaternion', w=1.0)))])


def twist(v, w):
    return T['geometry_msgs/msg/Twist'](linear=xyz('Vector3', v), angular=xyz('Vector3', z=w))


def messages(rng, ticks, command):
    """Return (topic, type, logged_ns, message), with what a poor network does to them."""
    sent, none = [], np.zeros(36)

    def send(topic, kind, stamp_ns, message, late_ms=(1, 2, 60)):
        sent.append((topic, kind, stamp_ns + int(rng.choice(late_ms)) * MS, message))

    for part in ('lidar', 'camera'):  # each publisher sends its own, once
        send('tf_static', 'tf2_msgs/msg/TFMessage', BEGIN_NS, transforms(part))
    for at_ms, x in ((0, 3.0), (1500, -2.0)):  # the goal changes on the way
        stamp_ns = BEGIN_NS + at_ms * MS
        send('goal', 'geometry_msgs/msg/PoseStamped', stamp_ns, T[
            'geometry_msgs/msg/PoseStamped'](header=header(stamp_ns), pose=pose(x, 1.0, 0.0)))
    send('notes', 'std_msgs/msg/String', BEGIN_NS + 400 * MS,
         T['std_msgs/msg/String'](data='bumped'))
    for i in range(ticks * 3):
        at = BEGIN_NS + i * 33 * MS + int(rng.integers(0, 5)) * MS
        x, y, yaw, v, w = rng.normal(size=5)
        if i % 31:
            send('odom', 'nav_msgs/msg/Odometry', at, T['nav_msgs/msg/Odometry'](
                header=header(at), child_frame_id='b' * (i % 3),
                pose=T['geometry_msgs/msg/PoseWithCovariance'](
                    pose=pose(x, y, yaw), covariance=none),
                twist=T['geometry_msgs/msg/TwistWithCovariance'](
                    twist=twist(v, w), covariance=none)))
        if not 20 < i % 50 < 32:  # gaps beyond the tolerance
            send('scan', 'sensor_msgs/msg/LaserScan', at, T['sensor_msgs/msg/LaserScan'](
                header=header(at), angle_min=-3.1, angle_max=3.1, angle_increment=0.0628,
                time_increment=0.0, scan_time=0.0, range_min=0.1, range_max=9.0,
                ranges=rng.uniform(0.0, 6.0, 100).astype(np.float32),
                intensities=np.zeros(0, dtype=np.float32)))
        send('cmd_vel', 'geometry_msgs/msg/TwistStamped', at, T[
            'geometry_msgs/msg/TwistStamped'](header=header(at), twist=twist(*command(i // 3))))
    return sorted(sent, key=lambda each: each[2])


@pytest.fixture
def record(tmp_path, clutter):
    """Return a function that records an episode of clutter as a folder."""

    def write(name, *, seed=0, ticks=60, meta=SUCCESS, command=lambda i: (0.3, 0.01 * i)):
        folder = tmp_path / 'demos' / 'clutter' / name
        folder.mkdir(parents=True)
        channels = {}
        with (folder / f'{name}.mcap').open('wb') as stream:
            writer = Writer(stream, chunk_size=4000)
            writer.start(profile='ros2', library='test')
            for topic, kind, logged_ns, message in messages(
                    np.random.default_rng(seed), ticks, command):
                if topic not in channels:
                    schema = writer.register_schema(
                        kind, 'ros2msg', STORE.generate_msgdef(kind)[0].encode())
                    qos = LATCHED if topic in ('tf_static', 'goal', 'notes') else ''
                    channels[topic] = writer.register_channel(
                        f'/{topic}', 'cdr', schema, {'offered_qos_profiles': qos})
                writer.add_message(channels[topic], logged_ns, bytes(STORE.serialize_cdr(
                    message, kind)), logged_ns - MS)
            writer.finish()
        (folder / 'metadata.yaml').write_text('')
        if meta is not None:
            (folder / 'episode.json').write_text(json.dumps({
                **meta, 'contract_hash': clutter.hash, 'contract_text': clutter.text}))
        return folder

    return write


@pytest.fixture
def call(typed):
    """Return a function that runs ``./ilw episodes``: (exit code, JSON or text)."""

    def run(*words):
        code, out, err = typed('episodes', *words)
        return code, json.loads(out) if '--json' in words and not code else out + err

    return run


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def part_of(whole, made, first, last):
    return (np.array_equal(made.stamps_ns, whole.stamps_ns[first:last + 1])
            and made.obs.tobytes() == whole.obs[first:last + 1].tobytes()
            and np.array_equal(made.obs_valid, whole.obs_valid[first:last + 1])
            and made.actions.tobytes() == whole.actions[first:last].tobytes()
            and np.array_equal(made.action_valid, whole.action_valid[first:last]))


@pytest.mark.parametrize('seed', range(6))
def test_what_is_kept_is_the_same_to_the_bit(record, clutter, seed):
    folder = record('one', seed=seed)
    whole, before = load_episode(folder, clutter), content(folder)
    assert 0 < whole.obs_valid.all(axis=1).sum() < len(whole.obs)
    first, last = 11 + seed, len(whole.actions) - 7
    made = cut(read_episode(folder), clutter, first, last)
    assert part_of(whole, load_episode(made.path, clutter), first, last)
    assert content(folder) == before
    again = cut(read_episode(made.path), clutter, 5, 20)
    assert part_of(whole, load_episode(again.path, clutter), first + 5, first + 20)


def test_what_was_latched_before_the_cut_comes_along_and_nothing_else(record, clutter):
    folder = record('one')
    made = cut(read_episode(folder), clutter, 10, 40)
    span = read_episode(made.path).span_ns
    kept = {}
    for item in read_messages(made.path):
        kept.setdefault(item.topic, []).append(item)
    assert {m.message.transforms[0].child_frame_id for m in kept['tf_static']} == {
        'lidar', 'camera'}
    assert [m.message.data for m in kept['notes']] == ['bumped']
    assert [m.message.pose.position.x for m in kept['goal']] == [3.0, -2.0]
    assert kept['goal'][0].stamp_ns < span[0], 'its own stamp stays'
    assert kept['goal'][0].logged_ns >= span[0], 'a player need not wait for it'
    for name in ('odom', 'scan', 'cmd_vel'):
        early = [m.stamp_ns for m in kept[name] if m.stamp_ns < span[0]]
        assert len(early) <= 1
        assert all(stamp_ns >= span[0] - 200 * MS for stamp_ns in early)
        assert max(m.stamp_ns for m in kept[name]) <= span[1]


def test_other_tools_read_the_new_bag_whole(record, clutter):
    folder = record('one')
    made = cut(read_episode(folder), clutter, 10, 40).path
    meta = json.loads((made / 'episode.json').read_text())
    with AnyReader([made]) as reader:
        assert reader.message_count == meta['messages']
        count = sum(1 for c, _, data in reader.messages() if reader.deserialize(data, c.msgtype))
        topics = {c.topic: c.ext.offered_qos_profiles for c in reader.connections}
    assert count == meta['messages']
    assert topics['/goal'][0].durability.name == 'TRANSIENT_LOCAL'
    with next(made.glob('*.mcap')).open('rb') as stream:
        read = list(make_reader(stream, validate_crcs=True).iter_messages())
    assert len(read) == meta['messages']
    published = [m.publish_time for _, channel, m in read if channel.topic == '/odom']
    logged = [m.log_time for _, channel, m in read if channel.topic == '/odom']
    assert set(np.subtract(logged, published).tolist()) == {MS}


def test_a_new_episode_says_what_it_was_made_from(record, clutter):
    folder = record('one')
    made = cut(read_episode(folder), clutter, 12, 40).path
    meta = json.loads((made / 'episode.json').read_text())
    assert meta['schema'] == SCHEMA
    assert meta['episode'] != SUCCESS['episode']
    assert (meta['outcome'], meta['operator'], meta['task']) == ('success', 'ada', 'clutter')
    assert meta['source']['episode'] == SUCCESS['episode']
    assert meta['source']['path'] == 'one'
    assert len(meta['source']['sha256']) == 64
    assert meta['source']['cut']['head_s'] == 1.2
    assert (meta['begin_ns'], meta['end_ns']) == read_episode(made).span_ns
    quality = json.loads((made / 'quality.json').read_text())
    assert quality['topics']['odom']['count'] > 20
    assert not list(made.parent.glob('.editing')), 'nothing is left of making it'


def test_a_gap_that_was_cut_away_is_no_longer_held_against_it(record, clutter):
    folder = record('one', ticks=40)
    verdicts = []
    for first, last in ((0, 8), (0, 20)):  # scans are missing from step 7 on, for a second
        made = cut(read_episode(folder), clutter, first, last).path
        verdicts.append(json.loads((made / 'quality.json').read_text())['topics']['scan']['gaps'])
    assert verdicts == [0, 1]


def test_trim_takes_the_source_out_of_training_and_restore_undoes_it(record, call, clutter):
    folder = record('one')
    code, said = call('trim', folder, '--head', 1.2, '--tail', 0.5, '--json')
    assert code == 0
    assert said['cut'] == [12, 5]
    assert [str(e.path) for e in find_episodes(folder.parent)] == [said['path']]
    assert len(load_episode(read_episode(said['path']), clutter).actions) == said['steps']
    (out,) = dropped(folder.parent)
    assert (out.path.name, out.replaced_by) == ('one', os.path.basename(said['path']))
    code, said = call('restore', folder, '--json')
    assert (code, said['path']) == (0, str(folder))
    assert [e.path for e in find_episodes(folder.parent)] == [folder]


def test_a_recording_that_a_rule_would_end_is_cut_as_what_it_is(record, call, clutter, tmp_path):
    ruled = tmp_path / 'ruled.yaml'
    ruled.write_text(clutter.text.replace('termination: {', 'termination: {failure: {when: '
                                          '{velocity.forward_mps: {above: -5.0}}}, '))
    folder = record('one', meta=None)
    whole = len(load_episode(read_episode(folder), load_contract(ruled)).actions)
    code, said = call('trim', folder, '--head', 1.2, '--tail', 0.5, '--task', ruled, '--json')
    assert (code, said['cut'], said['steps']) == (0, [12, 5], whole - 17)


def test_auto_cuts_where_it_stands_still_and_leaves_a_little(record, call, clutter):
    folder = record('one', command=lambda i: (0.3, 0.1) if 20 <= i < 45 else (0.0, 0.0))
    idle = np.flatnonzero(np.abs(load_episode(folder, clutter).actions).max(axis=1) > 0)
    code, said = call('trim', folder, '--auto', '--json')
    assert code == 0
    actions = load_episode(said['path'], clutter).actions
    moving = np.flatnonzero(np.abs(actions).max(axis=1) > 0)
    assert moving[0] == 3
    assert len(actions) - 1 - moving[-1] == 3
    assert len(moving) == len(idle)
    code, said = call('trim', said['path'], '--auto', '--json')
    assert (code, said['cut']) == (0, [0, 0])


@pytest.mark.parametrize('words', [(), ('--auto', '--head', '1'), ('--head', '-1'),
                                   ('--head', '100')])
def test_a_trim_that_makes_no_sense_changes_nothing(record, call, words):
    folder = record('one')
    before = content(folder)
    code, said = call('trim', folder, *words)
    assert code == 2, said
    assert content(folder) == before
    assert sorted(p.name for p in folder.parent.iterdir()) == ['one']


def test_a_disk_that_refuses_leaves_everything_as_it_was(record, clutter, monkeypatch):
    folder = record('one')

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('ilw_data.bag.copy.os.fsync', full)
    with pytest.raises(OSError, match='No space'):
        cut(read_episode(folder), clutter, 10, 40)
    assert [p.name for p in folder.parent.iterdir()] == ['one']


def test_drop_is_remembered_and_restore_brings_back(record, call):
    folder, other = record('one'), record('two')
    before = content(folder)
    code, said = call('drop', folder, '--why', 'bumped the table', '--json')
    assert code == 0
    assert [e.path for e in find_episodes(folder.parent.parent)] == [other]
    code, listed = call('list', folder.parent, '--dropped', '--json')
    assert [(d['path'], d['why']) for d in listed['dropped']] == [
        (said['path'], 'bumped the table')]
    assert restore(folder.parent / '.dropped' / 'one') == (folder, None)
    assert content(folder) == before
    assert dropped(folder.parent) == []


@pytest.mark.parametrize(('words', 'changes'), [
    (('drop', '{}', '--why', "bumped; it's"), ['one: in training: {} -> out of training: {bin}']),
    (('redo', '{}'), ['one: in training: {} -> out of training: {bin}']),
    (('trim', '{}', '--head', '1.2', '--tail', '0.5'), [
        'one: in training: {} -> out of training: {bin}', 'a new one: in training: ',
        ' steps of one', 'without its first 12 and last 5'])])
def test_a_dry_run_says_what_would_change_and_changes_nothing(record, call, words, changes):
    folder = record('one')
    places = {'bin': folder.parent / '.dropped' / 'one'}
    before, words = content(folder), [word.format(folder) for word in words]
    code, said = call(*words, '--dry-run')
    assert code == 0, said
    for line in changes:
        assert line.format(folder, **places) in said
    assert 'Nothing was changed.' in said and 'Undo it then: ./ilw episodes restore' in said
    assert content(folder) == before
    assert [each.name for each in folder.parent.iterdir()] == ['one']
    # What it says does just that, and its undo undoes it.
    code, plan = call(*words, '--dry-run', '--json')
    code, done = call(*shlex.split(plan['command'])[2:], '--json')
    assert code == 0 and done['undo'] == plan['undo']
    made = [each for each in plan['changes'] if not each['episode']]
    assert len(find_episodes(folder.parent)) == len(made)
    assert all(f': {done["steps"]} steps of one' in each['after'] for each in made)
    code, _ = call(*shlex.split(plan['undo'])[2:], '--json')
    assert code == 0 and [e.path for e in find_episodes(folder.parent)] == [folder]
    assert content(folder) == before


def test_a_dry_run_of_a_cut_by_itself_names_the_seconds_that_it_found(record, call):
    folder = record('one', command=lambda i: (0.3, 0.1) if 20 <= i < 45 else (0.0, 0.0))
    code, plan = call('trim', folder, '--auto', '--dry-run', '--json')
    assert code == 0 and '--auto' not in plan['command'] and '--head=' in plan['command']
    code, done = call(*shlex.split(plan['command'])[2:], '--json')
    assert code == 0 and f': {done["steps"]} steps' in plan['changes'][1]['after']
    code, plan = call('trim', done['path'], '--auto', '--dry-run', '--json')
    assert (code, plan['changes']) == (0, [])


@pytest.mark.parametrize('words', [('trim', '{}', '--head', '100'), ('drop', '{}/nothing'),
                                   ('restore', '{}'), ('redo', '{}/nothing')])
def test_a_dry_run_of_what_cannot_be_done_says_why(record, call, words):
    folder = record('one')
    code, said = call(*(word.format(folder) for word in words), '--dry-run')
    assert code == 2 and said.startswith('error: ')


def test_a_restored_source_and_what_was_cut_from_it_change_places_each_time(record, call):
    folder = record('one')
    code, made = call('trim', folder, '--head', 1.2, '--json')
    undo = made['undo']
    for there in (str(folder), made['path'], str(folder)):
        code, plan = call(*shlex.split(undo)[2:], '--dry-run', '--json')
        assert code == 0 and len(plan['changes']) == 2
        code, said = call(*shlex.split(undo)[2:], '--json')
        assert (code, said['path'], said['undo']) == (0, there, plan['undo'])
        assert [str(each.path) for each in find_episodes(folder.parent)] == [there]
        undo = said['undo']


def test_two_of_one_name_are_both_kept(record):
    first = record('one')
    drop(first, 'the first')
    drop(record('one', seed=1), 'the second')
    assert [(d.path.name, d.why) for d in dropped(first.parent)] == [
        ('one', 'the first'), ('one-2', 'the second')]


def test_what_is_no_episode_is_not_dropped(record):
    folder = record('one')
    with pytest.raises(EpisodeError, match='not an episode'):
        drop(folder.parent, '')
    out = drop(folder, '')
    with pytest.raises(EpisodeError, match='out of training already'):
        drop(out, '')
    with pytest.raises(EpisodeError, match='nothing there'):
        restore(folder.parent / 'two')
    record('one')
    with pytest.raises(EpisodeError, match='must be free'):
        restore(out)


def test_an_episode_that_cannot_be_read_can_be_dropped(record):
    folder = record('one')
    (folder / 'episode.json').write_text('{')
    assert drop(folder, 'damaged').is_dir()


def test_what_cannot_be_dropped_is_not_trimmed(record, clutter):
    folder = record('one')
    with pytest.raises(EpisodeError, match='must be a folder'):
        cut(read_episode(folder / 'one.mcap'), clutter, 10, 40)
    out = drop(folder, '')
    with pytest.raises(EpisodeError, match='out of training already'):
        cut(read_episode(out), clutter, 10, 40)
    assert find_episodes(folder.parent) == []


def test_redo_says_how_to_record_it_again(record, call):
    folder = record('one', meta={**SUCCESS, 'seed': 7})
    code, said = call('redo', folder, '--json')
    assert code == 0
    assert said['record'] == ('./ilw up record --task clutter --robot=sim --operator=ada --seed=7')
    assert 'goal.distance_m' in said['start']
    assert not any(name.startswith('lidar') for name in said['start'])
    assert find_episodes(folder.parent) == []


@pytest.mark.parametrize(('given', 'words'), [
    ({'input': 'keyboard'}, '--robot=sim --input=keyboard --operator=ada'),
    ({'input': 'keyboard', 'plant': 'small_base', 'seed': '5'},
     '--robot=sim --input=keyboard --plant=small_base --operator=ada --seed=5'),
    ({'expert': 'True', 'gui': 'False', 'real_time_factor': '0.5'},
     '--robot=sim --expert --real-time-factor=0.5 --operator=ada'),
    ({'rm': '-rf', 'demos': '/'}, '--robot=sim --operator=ada'),
    (['input'], '--robot=sim --operator=ada'),
])
def test_redo_repeats_the_whole_command(record, call, given, words):
    folder = record('one', meta={**SUCCESS, 'arguments': given})
    _, said = call('redo', folder, '--json')
    assert said['record'] == f'./ilw up record --task clutter {words}'


@pytest.mark.parametrize(('meta', 'text'), [
    ({'seed': 7}, 'as this one did, in world 7'),
    ({}, 'in the first world of that command'),
    ({'robot': 'real'}, 'where the robot stands: put it where it saw goal.distance_m'),
])
def test_redo_says_where_the_next_take_starts(record, call, meta, text):
    _, said = call('redo', record('one', meta={**SUCCESS, **meta}))
    assert text in said and 'goal.distance_m' in said


def test_redo_takes_no_name_for_an_option(record, call):
    """What a file says of its operator may begin with a dash, or hold shell text."""
    folder = record('one', meta={**SUCCESS, 'operator': '--rm', 'robot': 'a; b\n'})
    _, said = call('redo', folder, '--json')
    assert said['record'].endswith(r"$'--robot=a; b\012' --operator=--rm")


def test_what_a_folder_is_called_is_shown_as_it_is_pasted(record, call):
    _, said = call('drop', record('a\x1b[2J b'))
    assert r"a\033[2J b' brings it back" in said and '\x1b' not in said


def test_a_list_of_what_was_dropped_where_nothing_is_is_an_error(call, tmp_path):
    code, said = call('list', tmp_path / 'nope', '--dropped')
    assert code == 2 and said.startswith('error:') and 'Got nothing there' in said


def test_redo_of_another_folder_records_into_it(record, call, tmp_path):
    folder = record('one')
    os.rename(tmp_path / 'demos', tmp_path / 'monday')
    _, said = call('redo', tmp_path / 'monday' / 'clutter' / folder.name, '--json')
    assert f'--demos {tmp_path / "monday"}' in said['record']


@pytest.mark.parametrize('outcome', ['success', 'failure', 'unknown'])
def test_import_makes_an_episode_that_is_trained_on_unless_it_failed(
        record, call, clutter, tmp_path, outcome):
    folder = record('one', meta=None)
    before = content(folder)
    code, said = call('import', folder, '--task', 'clutter', '--out', tmp_path / 'out',
                      '--outcome', outcome, '--json')
    assert (code, said['lost']) == (0, '')
    (episode,) = find_episodes(tmp_path / 'out')
    assert part_of(load_episode(folder, clutter), load_episode(episode, clutter), 0,
                   said['steps'])
    assert episode.contract_hash == clutter.hash
    assert episode.meta['source']['path'] == 'one'
    assert bool(usable([episode])) == (outcome != 'failure')
    assert content(folder) == before
    assert not Bag(episode.path).torn
    assert parse_contract(episode.contract_text).hash == clutter.hash


def test_what_a_damaged_recording_still_holds_can_be_imported(record, clutter, tmp_path):
    folder = record('one', meta=None)
    file = folder / 'one.mcap'
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(EpisodeError, match='Import what can still'):
        load_episode(folder, clutter)
    made = adopt(read_episode(folder), clutter, tmp_path / 'out', read_episode(folder).outcome)
    assert 50 < made.steps < 60  # what is before the damaged chunk, and after it
    quality = json.loads((made.path / 'quality.json').read_text())
    assert quality['verdict'] == 'suspect'
    assert 'not whole' in quality['reasons'][0]


def test_import_of_what_lacks_a_topic_leaves_nothing(bags, clutter, tmp_path):
    folder = bags.write(tmp_path / 'maze')
    with pytest.raises(EpisodeError, match="no topic 'scan'"):
        adopt(read_episode(folder), clutter, tmp_path / 'out', read_episode(folder).outcome)
    assert list((tmp_path / 'out').iterdir()) == []


@pytest.mark.parametrize('values', [
    '"recorded_at_s": NaN', '"recorded_at_s": 1' + '0' * 400, '"recorded_at_s": 1e300',
    '"recorded_at_s": "today"', '"recorded_at_s": null', '"operator": "\\ud800"',
    '"episode": ["a"]', '"source": {"episode": ["a"], "sha256": {}}', '"notes": "\u00e4"'])
def test_whatever_is_written_beside_a_bag_a_trim_works_or_says_why(record, call, values):
    folder = record('a')
    (folder / 'episode.json').write_text(json.dumps(SUCCESS)[:-1] + f', {values}}}')
    for words in (('check', folder.parent), ('trim', folder, '--head', '0.5')):
        code, said = call(*words, '--task', 'clutter')
        assert code in (0, 1) or said.startswith('error:'), said


def test_a_recording_that_is_mostly_a_hole_is_refused_before_it_is_read(record):
    folder = record('a')
    os.truncate(folder / 'a.mcap', 1 << 40)
    with pytest.raises(EpisodeError, match='as large as it says'):
        origin(read_episode(folder))


@pytest.mark.parametrize('quality', ['{"verdict": "suspect", "reasons": 5}', '[]', '{"a": NaN}',
                                     '{"verdict": "suspect", "reasons": [[1], null]}'])
def test_whatever_the_recorder_is_said_to_doubt_a_check_ends(record, call, quality):
    folder = record('a')
    (folder / 'quality.json').write_text(quality)
    code, said = call('check', folder.parent, '--task', 'clutter')
    assert code in (0, 1), said


@pytest.mark.parametrize('at_s', ['1' * 400, '1e999', 'NaN', 'null', 'true', '"x"'])
def test_whatever_the_log_of_dropped_episodes_says_they_are_listed(record, call, at_s):
    out = drop(record('a'), 'why')
    (out.parent / 'log.jsonl').write_text(
        f'{{"what": "drop", "name": "a", "why": "b", "at_s": {at_s}}}\n')
    code, said = call('list', out.parent.parent, '--dropped')
    assert code == 0 and str(out) in said


def test_a_note_that_a_crash_left_half_is_not_glued_to_the_next(record):
    first = drop(record('a'), 'one')
    with (first.parent / 'log.jsonl').open('a') as stream:
        stream.write('{"at_s": 1, "what"')
    drop(record('b', seed=1), 'two')
    assert [each.why for each in dropped(first.parent.parent)] == ['one', 'two']


@pytest.mark.parametrize(('tasks', 'checked'), [
    (('maze',), 'maze'), (('maze', 'maze'), 'maze'), (('clutter',), 'clutter'),
    (('nothing_shipped',), 'clutter'), ((None,), 'clutter'), (('../../maze',), 'clutter'),
    ((['maze'],), 'clutter'), (('maze', 'nothing_shipped'), 'maze')])
def test_without_a_task_a_check_holds_episodes_to_the_one_they_are_of(
        record, call, monkeypatch, tasks, checked):
    asked = []
    monkeypatch.setattr(
        'ilw_data.commands.episodes.named_contract',
        lambda name, profile: asked.append(name) or named_contract(name, profile))
    for k, task in enumerate(tasks):
        meta = {**SUCCESS, 'task': task} if task else {
            name: value for name, value in SUCCESS.items() if name != 'task'}
        folder = record(f'{k}', meta=meta)
    code, said = call('check', folder.parent)
    assert asked == [checked] and code in (0, 1), said


def test_episodes_of_several_tasks_are_checked_once_it_is_said_of_which(record, call):
    record('a')
    folder = record('b', meta={**SUCCESS, 'task': 'maze'})
    code, said = call('check', folder.parent)
    assert code == 2 and 'of clutter, maze' in said and '--task clutter' in said


def test_an_empty_folder_called_after_a_task_says_how_to_record_that(call, tmp_path):
    (tmp_path / 'lift_state').mkdir()
    code, said = call('check', tmp_path / 'lift_state')
    assert code == 2 and 'up record --task lift_state' in said
