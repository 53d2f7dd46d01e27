"""The doctor finds what would spoil a training, and says what to do."""

import json
import shlex

import pytest

from ilw_core.errors import EpisodeError
from ilw_data.doctor import check_episodes

SUCCESS = {'outcome': 'success', 'stop_reason': 'goal'}


def turning(i):
    return 0.4, (1.2 if i % 4 < 2 else -1.2)


def texts(findings, level=None):
    return ' | '.join(f.text for f in findings if level in (None, f.level))


def test_a_sound_episode_has_no_bad_finding(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning, ticks=60, meta=SUCCESS)
    findings, good = check_episodes(tmp_path, maze)
    assert len(good) == 1
    assert not [f for f in findings if f.episode == 'one']


def test_a_truncated_bag_is_bad_and_the_others_are_still_looked_at(bags, maze, tmp_path):
    bags.write(tmp_path / 'good', drive=turning, meta=SUCCESS)
    broken = next(bags.write(tmp_path / 'broken', meta=SUCCESS).glob('*.mcap'))
    broken.write_bytes(broken.read_bytes()[:500])
    findings, good = check_episodes(tmp_path, maze)
    assert (findings[0].level, findings[0].episode) == ('bad', 'broken')
    assert [e.name for e in good] == ['good']


def test_missing_observations_are_counted_and_the_topic_is_named(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning, ticks=60, leave_out=range(20, 50), meta=SUCCESS)
    findings, _ = check_episodes(tmp_path, maze)
    assert 'lack something, most often pose.x_m' in texts(findings, 'bad')
    assert 'gap of 2.8 s' in texts(findings)


def test_standing_still_at_the_ends_is_found(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', ticks=80, meta=SUCCESS,
               drive=lambda i: (0.4, 0.1) if 20 <= i < 60 else (0.0, 0.0))
    findings, _ = check_episodes(tmp_path, maze)
    assert 'starts with 2.0 s' in texts(findings)
    assert 'ends with 1.9 s' in texts(findings)


def test_missing_commands_are_not_called_standing_still(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', ticks=60, drive=turning, silent=range(30), meta=SUCCESS)
    findings, _ = check_episodes(tmp_path, maze)
    assert 'have no command (the first 3.0 s' in texts(findings)
    assert 'stand still' not in texts(findings)


def test_a_failure_is_said_to_be_left_out(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=turning,
               meta={'outcome': 'failure', 'stop_reason': 'collision'})
    findings, _ = check_episodes(tmp_path, maze)
    assert 'failure (collision); it is left out' in texts(findings)


def test_commands_beyond_the_limits_and_constant_ones_are_found(bags, maze, tmp_path):
    bags.write(tmp_path / 'one', drive=lambda i: (0.9, 0.0), meta=SUCCESS)
    findings, _ = check_episodes(tmp_path, maze)
    assert 'twist.linear.x leaves the limits' in texts(findings)
    assert 'twist.angular.z was 0 rad/s throughout' in texts(findings)


def test_an_observation_that_is_the_label_is_found(bags, tmp_path):
    from pathlib import Path

    from ilw_core.contract.file import parse_contract

    # The made-up robot reports the commanded turn as its own in the same tick.
    text = (Path(__file__).resolve().parents[3] / 'config/tasks/maze.yaml').read_text()
    leaky = parse_contract(text.replace(
        'action:\n', '  speed:\n    topic: odom\n    type: nav_msgs/msg/Odometry\n'
        '    feature: body_twist\naction:\n', 1))
    bags.write(tmp_path / 'one', drive=turning, ticks=120)
    findings, _ = check_episodes(tmp_path, leaky)
    assert 'speed.turn_radps mostly equals the command of the same tick' in texts(findings)


def test_a_folder_without_episodes_says_how_to_record(maze, tmp_path):
    with pytest.raises(EpisodeError, match='Record some'):
        check_episodes(tmp_path, maze)


@pytest.fixture
def run(typed):
    """Return a function that runs a command line as printed: (exit code, standard output)."""

    def call(line):
        program, *words = shlex.split(line)
        assert program == './ilw'
        return typed(*words)[:2]

    return call


def resting(i):
    return turning(i) if 20 <= i < 60 else (0.0, 0.0)


@pytest.mark.parametrize('meta', [None, SUCCESS])
@pytest.mark.parametrize(('kind', 'written'), [
    ('idle', {'drive': resting, 'ticks': 80}),
    ('silent', {'drive': turning, 'ticks': 80, 'silent': range(30)}),
    ('missing', {'drive': turning, 'ticks': 80, 'leave_out': range(30, 60)}),
    ('idle', {'drive': lambda i: (0.0, 0.0), 'ticks': 80}),
])
def test_the_command_of_a_finding_run_as_printed_mends_it(
        bags, maze, tmp_path, run, kind, written, meta):
    about = None if meta is None else {**meta, 'contract_text': maze.text}
    bags.write(tmp_path / 'demos' / 'it' / "it's one", meta=about, **written)
    bags.write(tmp_path / 'demos' / 'it' / 'sound', drive=turning, ticks=80, meta=about)
    root = tmp_path / 'demos'

    def findings():
        return [f for f in check_episodes(root, maze).findings
                if f.kind == kind and f.episode != 'sound']

    (found,) = findings()
    assert found.numbers or kind == 'idle'
    code, _ = run(found.command)
    assert code == 0
    assert findings() == []
    _, listed = run(f'./ilw episodes list {shlex.quote(str(root))} --dropped --json')
    assert len(json.loads(listed)['dropped']) == 1


def test_an_unfinished_recording_is_used_and_its_import_is_offered(bags, maze, tmp_path, run,
                                                                   monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = bags.write(tmp_path / 'found' / 'one', drive=turning, ticks=80)
    (folder / 'metadata.yaml').unlink()
    file = next(folder.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:-30])
    report = check_episodes(tmp_path / 'found', maze)
    (found,) = [f for f in report.findings if f.kind == 'unfinished']
    assert (found.level, report.usable) == ('warn', 1)
    assert run(found.command)[0] == 0
    assert check_episodes(tmp_path / 'demos' / 'maze', maze).usable == 1


def test_the_report_says_how_fit_the_set_is(bags, maze, tmp_path, run):
    bags.write(tmp_path / 'one', drive=turning, ticks=60, meta=SUCCESS)
    bags.write(tmp_path / 'two', drive=resting, ticks=80, meta=SUCCESS)
    code, out = run(f'./ilw episodes check {tmp_path} --task maze --json')
    said = json.loads(out)
    assert (code, said['verdict']) == (0, 'warn')
    assert said['verdicts'] == {'one': 'good', 'two': 'warn'}
    assert (said['episodes'], said['usable']) == (2, 2)
    for finding in said['findings']:
        assert set(finding) == {'level', 'kind', 'episode', 'text', 'command', 'numbers'}
        assert finding['command'].startswith('./ilw ')
    bags.write(tmp_path / 'three', drive=lambda i: (0.0, 0.0), ticks=60, meta=SUCCESS)
    code, out = run(f'./ilw episodes check {tmp_path} --task maze')
    assert code == 1
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith('bad   three'))
    assert lines[at + 1].strip() == f"./ilw episodes drop {tmp_path}/three --why 'never moves'"
    assert lines[-1].startswith('bad: not to be trained from as it is, though 2 of 3 episodes')
