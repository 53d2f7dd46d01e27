"""A little of what ``tools/run_fuzz.py`` does a lot of: broken inputs into every reader."""

from fuzz import bags, checkpoints, files, graphs, messages, texts
from fuzz.mutate import mutate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import pytest

MODULES = {'texts': texts, 'messages': messages, 'bags': bags, 'files': files,
           'checkpoints': checkpoints, 'graphs': graphs}
NAMES = {
    'texts': ['contract', 'joystick', 'expert_stick', 'robot_profile', 'urdf', 'arm', 'arm_urdf',
              'train_config', 'episode_json'],
    'messages': ['joy', 'foreign_pads', 'gamepads', 'requests', 'scans', 'observations', 'maps',
                 'commands', 'raw_bytes', 'sim_state'],
    'bags': ['bag', 'bag_metadata', 'mcap_index', 'messages_of_Odometry', 'messages_of_LaserScan',
             'messages_of_JointState', 'messages_of_JointTrajectory', 'definition'],
    'files': ['sqlite_bag', 'sqlite_journal', 'sqlite_wal', 'quality_json', 'training_json',
              'runs', 'dropped_jsonl', 'trials_jsonl', 'metrics_jsonl',
              'history_jsonl', 'map_yaml', 'map_pgm'],
    'checkpoints': ['checkpoint_card', 'checkpoint_graph', 'checkpoint_files'],
    'graphs': ['graph_programs']}


@pytest.fixture(scope='module')
def targets(tmp_path_factory):
    found = {}
    for module, made in MODULES.items():
        found |= {(module, t.name): t for t in made.targets(tmp_path_factory.mktemp(module))}
    return found


def test_every_target_is_tested_here(targets):
    assert set(targets) == {(module, name) for module, names in NAMES.items() for name in names}


@pytest.mark.parametrize(('module', 'name'), [(m, n) for m, names in NAMES.items() for n in names])
def test_broken_inputs_are_read_or_refused(targets, module, name):
    target = targets[module, name]
    broken = st.integers(0, 2 ** 40).map(lambda n: mutate(target.seeds, n, target.words))

    @settings(max_examples=round(min(150, 25 + 25 * target.weight)), deadline=None, database=None,
              derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.one_of(broken, broken, st.binary(max_size=400)))
    def try_it(data):
        try:
            target.run(data)
        except target.refusals as error:
            assert not isinstance(error.__cause__, MemoryError)

    try_it()


@pytest.mark.parametrize('name', ['contract', 'joystick', 'expert_stick', 'robot_profile', 'urdf',
                                  'arm', 'arm_urdf', 'train_config', 'episode_json'])
def test_the_valid_inputs_are_accepted(targets, name):
    """Else a target would only ever see the first check of its reader."""
    target = targets['texts', name]
    for seed in target.seeds:
        target.run(seed)


@pytest.mark.parametrize('name', NAMES['files'])
def test_the_valid_files_are_accepted(targets, name):
    target = targets['files', name]
    for seed in target.seeds:
        target.run(seed)


@pytest.mark.parametrize('name', ['bag', 'bag_metadata', 'messages_of_Odometry', 'definition'])
def test_the_valid_bags_are_accepted(targets, name):
    target = targets['bags', name]
    for seed in target.seeds:
        target.run(seed)


@pytest.mark.parametrize('name', ['checkpoint_card', 'checkpoint_graph'])
def test_the_valid_checkpoints_are_accepted(targets, name):
    target = targets['checkpoints', name]
    for seed in target.seeds:
        target.run(seed)


def test_the_same_number_gives_the_same_broken_input():
    seeds = (b'a: 1\nb: [2, 3]\n', b'\x01\x02' * 30)
    assert [mutate(seeds, n) for n in range(200)] == [mutate(seeds, n) for n in range(200)]
    assert len({mutate(seeds, n) for n in range(200)}) > 150


def test_some_programs_run_and_some_are_refused(targets):
    """Else the target would be too tame, or would only ever see the first check."""
    target, ran = targets['graphs', 'graph_programs'], []
    for number in range(25):
        try:
            target.run(mutate(target.seeds, number))
        except target.refusals:
            ran.append(False)
        else:
            ran.append(True)
    assert 3 <= sum(ran) <= 22
