"""What mkdocs does besides: README is the first page, folders of pages are groups."""

from pathlib import Path
import re
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
_GROUPS = {'How to': 'how-to', 'Reference': 'reference', 'Explanation': 'explanation'}


def on_files(files: Files, config: Any) -> Files:
    """Add README and the change log, with links as they are seen from ``docs``."""
    for name, source in (('index.md', 'README.md'), ('changes.md', 'CHANGELOG.md'),
                         ('contributing.md', 'CONTRIBUTING.md')):
        text = (ROOT / source).read_text()
        files.append(File.generated(config, name, content=re.sub(r'\]\(docs/', '](', text)))
    found = [each.src_uri for each in files.documentation_pages()]
    config.nav = [*config.nav[:2], *(
        {title: sorted(uri for uri in found if uri.startswith(f'{folder}/'))}
        for title, folder in _GROUPS.items()),
        {'More': ['reliability.md', 'changes.md', 'contributing.md']}]
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point what README is called in the repository at the first page."""
    return markdown.replace('../../README.md', '../index.md').replace(
        '](CONTRIBUTING.md', '](contributing.md').replace('](CHANGELOG.md', '](changes.md')
