"""The built page belongs to its sources, is small, and fetches nothing from elsewhere."""

import hashlib
import json
from pathlib import Path
import re

from ilw_web.server.pages import Page

WEB = Path(__file__).resolve().parents[3] / 'src' / 'ilw_web'
SOURCES = [each for each in (WEB / 'web' / 'src').rglob('*') if each.is_file()]
MOST_BYTES = 1_000_000


def hash_of_sources():
    """Return what ``build.mjs`` writes, from the files as they are."""
    found = hashlib.sha256()
    for name in ('build.mjs', 'package-lock.json',
                 *sorted(str(each.relative_to(WEB / 'web')) for each in SOURCES)):
        found.update(f'{name}\n'.encode() + (WEB / 'web' / name).read_bytes())
    return found.hexdigest()


def test_the_built_page_is_of_these_sources():
    built = json.loads((WEB / 'ilw_web' / 'page' / 'built.json').read_text())
    assert built == {'sources': hash_of_sources()}, 'build it anew: src/ilw_web/web/build.sh'


def test_the_page_is_smaller_than_a_megabyte():
    assert Page().packed_bytes <= MOST_BYTES


def test_the_page_loads_only_its_own_files():
    text = (WEB / 'ilw_web' / 'page' / 'index.html').read_text()
    assert set(re.findall(r'(?:src|href)="([^"]+)"', text)) == {
        'cockpit.js', 'cockpit.css', 'data:,'}
    assert 'url(' not in (WEB / 'ilw_web' / 'page' / 'cockpit.css').read_text()
    assert 'style=' not in text, 'the Content-Security-Policy forbids it'


def test_every_source_of_the_page_is_short():
    for path in SOURCES:
        assert len(path.read_text().splitlines()) <= 400, path.name
