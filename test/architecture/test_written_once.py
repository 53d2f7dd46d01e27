"""What is known in one place only: the fields of a planar twist, which worlds are for what."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p for p in (*ROOT.glob('src/*/*/**/*.py'), *ROOT.glob('launch/**/*.py'))
                 if p.name != 'setup.py' and 'build' not in p.parts)
PART = re.compile(r'\b(linear|angular)\.[xyz]\b')
TWIST = 'src/ilw_core/ilw_core/contract/planar_twist.py'
CODECS = 'src/ilw_core/ilw_core/features/codecs'
MAY = {
    # An example in an error.
    'src/ilw_core/ilw_core/contract/field_path.py',
    # A contract as a person writes one.
    'src/ilw_faults/ilw_faults/stream_loop.py',
}


def named(path):
    return str(path.relative_to(ROOT))


def parts_in(text):
    """Return where code, not prose, names a field of a twist: paths, attributes, keywords."""
    tree = ast.parse(text)
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [] if node in prose else PART.findall(node.value)
        elif isinstance(node, ast.Attribute):
            found += PART.findall(ast.unparse(node)[-len('angular.x'):])
        elif isinstance(node, ast.keyword) and node.arg in ('linear', 'angular'):
            found.append(node.arg)
    return found


@pytest.mark.parametrize('path', [
    p for p in SOURCES if named(p) not in {TWIST, *MAY} and not named(p).startswith(CODECS)],
    ids=named)
def test_only_the_planar_twist_and_the_codecs_name_the_fields_of_a_twist(path):
    assert not parts_in(path.read_text()), f'ask {TWIST}'


def test_every_file_that_may_name_them_does():
    for name in (TWIST, *MAY):
        assert parts_in((ROOT / name).read_text()), name
    assert any(parts_in(path.read_text()) for path in (ROOT / CODECS).glob('*.py'))


@pytest.mark.parametrize('line', [
    'v = odom.twist.twist.linear.x', 'twist.angular.z = 0.0', 'a, b = t.linear.y, 1',
    "path = 'twist.linear.x'", "f'{prefix}.angular.z'", "x = ('linear.x',)", 'linear.x',
    'Twist(linear=Vector3(x=0.5))', "text = 'one in linear.x, one in angular.z'"])
def test_the_rule_sees_every_way_to_name_a_field(line):
    assert parts_in(line)


@pytest.mark.parametrize('line', [
    '"""As in ``twist.linear.x``."""', 'x = 1\n"""Of linear.x"""', "x = 1  # linear.x",
    'torch.nn.Linear(2, 3)', 'linear, angular = world.velocity()', 'curvilinear.x',
    'imu.angular_velocity.z'])
def test_the_rule_leaves_prose_and_other_things_alone(line):
    assert not parts_in(line)


def test_the_commands_use_the_worlds_that_are_for_them():
    from ilw_bringup.commands.compare import compare
    from ilw_core import world_seeds
    from ilw_learner.cli import evaluate, train
    from ilw_learner.commands.promote import promote
    from ilw_learner.training.options import TrainOptions

    for command, option, first in (
            (evaluate, 'seed', world_seeds.SCORE), (promote, 'seed', world_seeds.SCORE),
            (compare, 'seed', world_seeds.SCORE), (train, 'eval_seed', world_seeds.CHOOSE)):
        (given,) = (each.default for each in command.params if each.name == option)
        assert given == first, command.name
    assert TrainOptions.eval_seed == world_seeds.CHOOSE


def test_no_world_is_for_two_things():
    from ilw_core import world_seeds
    from ilw_learner.rollout.batch_robots import JUDGE_ROBOTS, LEARN_WORLDS

    first = [world_seeds.DEMONSTRATE, world_seeds.LEARN, world_seeds.JUDGE, world_seeds.CHOOSE,
             world_seeds.SCORE, world_seeds.PER_RUN]
    assert first == sorted(first)
    assert LEARN_WORLDS <= world_seeds.JUDGE - world_seeds.LEARN
    assert JUDGE_ROBOTS <= world_seeds.CHOOSE - world_seeds.JUDGE
