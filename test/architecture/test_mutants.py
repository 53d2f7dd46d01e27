"""What the mutation tool is told of the sources is still so after they were moved or changed."""

from pathlib import Path
import sys

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))

from mutants.rooms import ROOMS  # noqa: E402

LISTED = yaml.safe_load((ROOT / 'tools' / 'mutants' / 'equivalent.yaml').read_text())


@pytest.mark.parametrize('name', ROOMS)
def test_the_files_and_tests_of_a_room_are_there(name):
    missing = [path for path in ROOMS[name].files if not (ROOT / path).is_file()]
    missing += [path for path in ROOMS[name].tests if not (ROOT / path).is_file()]
    assert not missing


def test_a_bug_that_changes_nothing_is_listed_for_a_line_that_is_there():
    gone = [each for each in LISTED
            if each['before'].splitlines()[0] not in (ROOT / each['file']).read_text()]
    assert LISTED and not gone


def test_the_room_of_the_contract_has_all_that_reads_one():
    folder = ROOT / 'src' / 'ilw_core' / 'ilw_core' / 'contract'
    read = {path.name for path in folder.glob('*.py') if 'Section' in path.read_text()}
    assert read <= {Path(path).name for path in ROOMS['contract'].files}
