"""Pages of ``docs/reference`` against their sources, and every link of the documentation."""

import importlib.util
from pathlib import Path
import re

import pytest

from ilw_teleop.nodes.recorder.origin import about
from ilw_teleop.recording.gate import RecordingGate

ROOT = Path(__file__).resolve().parents[3]
_SPEC = importlib.util.spec_from_file_location('write_reference',
                                               ROOT / 'tools' / 'write_reference.py')
write_reference = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(write_reference)

PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'CHANGELOG.md',
         *sorted((ROOT / 'docs').rglob('*.md'))]
FILES = (ROOT / 'docs' / 'reference' / 'files.md').read_text()
_LINK = re.compile(r'\]\(([^)\s]+)\)')
_FENCED = re.compile(r'^( *)```.*?^\1```', re.MULTILINE | re.DOTALL)


def anchors(page):
    """Return what a link to a heading of a page may say."""
    text = _FENCED.sub('', page.read_text())
    found = set()
    for heading in re.findall(r'^#+ (.+)$', text, re.MULTILINE):
        plain = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading).lower()
        found.add(re.sub(r'\s+', '-', re.sub(r'[^\w\s-]', '', plain).strip()))
    return found


def broken(page):
    """Return the links of a page that lead nowhere in this checkout."""
    found = []
    for link in _LINK.findall(_FENCED.sub('', page.read_text())):
        if re.match(r'[a-z]+:', link):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize('name', write_reference.pages())
def test_a_page_that_is_made_says_what_its_source_says(name):
    page = ROOT / 'docs' / 'reference' / name
    assert page.read_text() == write_reference.pages()[name], 'python tools/write_reference.py'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_broken(page):
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('# One heading: `it`\n[a](#one-heading-it) [b](#other) [c](none.md)\n'
                    '```\n[d](none.md)\n```\n')
    assert broken(page) == ['#other', 'none.md']


def test_the_page_of_files_names_every_figure_that_the_recorder_writes(clutter):
    quality = RecordingGate(clutter).verdict()
    named = {*quality, *quality['command'], *next(iter(quality['topics'].values()))}
    assert {name for name in (*named, *about('', '', '')) if f'`{name}`' not in FILES} == set()


def test_the_page_of_files_names_every_metric():
    sources = ''.join(path.read_text() for path in (ROOT / 'src' / 'ilw_learner').rglob('*.py'))
    named = set(re.findall(r"'((?:train|eval)/[a-z_]+)'", sources))
    assert len(named) > 5
    assert {name for name in named if f'`{name}`' not in FILES} == set()
