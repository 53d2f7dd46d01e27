"""The documentation as a site: built, whole, and readable without a network."""

from pathlib import Path
import re
import shutil
import subprocess

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="https?://[^"]+"')


@pytest.fixture
def checkout(tmp_path):
    """Return a folder with what the site is made from."""
    for name in ('docs', 'tools', 'requirements'):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'mkdocs.yml'):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def build(folder):
    return subprocess.run(['bash', 'tools/site/build'], cwd=folder, text=True, timeout=600,
                          capture_output=True, check=False)


@pytest.mark.slow  # installs mkdocs-material
def test_the_site_has_every_page_and_fetches_nothing_and_ends_on_a_broken_link(checkout):
    done = build(checkout)
    assert done.returncode == 0, done.stderr
    site = checkout / 'build' / 'site'
    for page in (checkout / 'docs').rglob('*.md'):
        made = site / page.relative_to(checkout / 'docs').with_suffix('.html')
        assert made.exists()
        fetched = [tag for tag in OUTSIDE.findall(made.read_text()) if 'canonical' not in tag]
        assert fetched == []
    page = checkout / 'docs' / 'how-to' / 'install.md'
    page.write_text(f'{page.read_text()}\n[gone](no_such_page.md)\n')
    done = build(checkout)
    assert done.returncode != 0 and 'no_such_page.md' in done.stderr
