"""Pages of the docs show what the product draws, and keep it small."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCS, PICTURES = ROOT / 'docs', ROOT / 'docs' / 'pictures'
PAGES = sorted([*DOCS.glob('tutorial/*.md'), *DOCS.glob('how-to/*.md')])
"""Not those of reference and explanation: the first are mostly written from sources"""
CODE = 'is about files and code: nothing is drawn'
TERMINAL = 'tells of the terminal: nothing is drawn'
MACHINES = 'is about machines and networks: nothing is drawn'
MEASURED = 'what it draws takes hours of trainings, or a robot'
SCREEN = 'its pictures are of a viewer that is no part of ILW'
LIVE = 'is seen in the cockpit, whose page has a picture'
WITHOUT = {
    'add_a_feature': CODE, 'add_a_robot': CODE, 'add_an_algorithm': CODE, 'beside_nav2': MACHINES,
    'carry_over_to_a_new_task': MEASURED, 'choose_a_gamepad': TERMINAL, 'chunk_policies': LIVE,
    'compare_and_promote': TERMINAL, 'correct_a_policy': LIVE,
    'drive_slower': TERMINAL, 'emulate_a_robot': TERMINAL, 'foxglove': SCREEN,
    'how_many_demonstrations': MEASURED, 'improve_on_the_robot': LIVE, 'install': MACHINES,
    'lerobot': CODE, 'many_machines': MACHINES, 'match_simulation_to_robot': MEASURED,
    'recover_a_bag': TERMINAL, 'rerun': SCREEN, 'secure': MACHINES,
    'see_what_the_policy_sees': SCREEN, 'train_here_drive_there': MACHINES,
    'use_a_strangers_recording': TERMINAL,
}
"""Page without a picture -> why"""
SHOWN = re.compile(r'!\[([^\]]*)\]\(([^)#]+)\)')
MOST_BYTES, MOST_IN_ALL_BYTES = 150_000, 2_000_000


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_a_page_has_a_picture_or_a_reason_why_not(page):
    shown = SHOWN.findall(page.read_text())
    assert bool(shown) != (page.stem in WITHOUT), 'a picture, or a reason, and not both'
    for words, path in shown:
        assert words and (page.parent / path).is_file(), path


def test_a_reason_is_that_of_a_page():
    assert WITHOUT.keys() <= {page.stem for page in PAGES}


def test_each_picture_is_small_shown_and_made_by_a_tool():
    files = sorted(PICTURES.iterdir())
    assert all(0 < file.stat().st_size <= MOST_BYTES for file in files)
    assert sum(file.stat().st_size for file in files) <= MOST_IN_ALL_BYTES
    shown = {(page.parent / path).resolve() for page in PAGES
             for _, path in SHOWN.findall(page.read_text())}
    assert set(files) <= shown
    tree = ast.parse((ROOT / 'tools/draw_docs.py').read_text())
    (made,) = [node.value for node in tree.body if isinstance(node, ast.AnnAssign)
               and node.target.id == 'MADE']
    assert {file.stem for file in files} == {key.value for key in made.keys} | {'office'}
