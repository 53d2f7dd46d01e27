"""The environments of the benchmarks: every version is said, and LeRobot's is the product's."""

from pathlib import Path
import re

ROOT = Path(__file__).resolve().parents[3]


def setups():
    """Return environment -> what its function in bench/setup installs, as NAME==VERSION."""
    text = (ROOT / 'bench' / 'setup').read_text()
    found = {}
    for name, body in re.findall(r'^setup_(\w+)\(\) \{\n(.*?)^\}', text, re.M | re.S):
        joined = body.replace('\\\n', ' ')
        words = [word.strip('\'"') for line in re.findall(r'^ *pip (.*)$', joined, re.M)
                 for word in line.split('#')[0].split()]
        words += [f'torchvision=={version}' for version in
                  re.findall(r'^ *torchvision (\S+)$', joined, re.M)]
        found[name] = [word for word in words
                       if not word.startswith(('-', 'requirements/', '$TORCH'))]
    return found


def test_every_package_has_its_version():
    found = setups()
    assert len(found) >= 9
    for name, words in found.items():
        assert words, name
        assert [word for word in words if not re.fullmatch(r'[\w.-]+(\[\w+\])?==\S+', word)] == []


def test_lerobots_versions_are_those_of_the_products_environment():
    lines = (ROOT / 'requirements' / 'lerobot.in').read_text().splitlines()
    ours = dict(line.split('==') for line in lines if line and line[0] != '#')
    theirs = dict(word.split('==') for word in setups()['lerobot'])
    both = ours.keys() & theirs.keys()
    assert {'lerobot', 'torchvision', 'numpy', 'datasets', 'pyarrow'} <= both
    other = {name: (theirs[name], ours[name]) for name in both if theirs[name] != ours[name]}
    assert not other
