"""What jobs leave is read by key, from known folders, and nothing beside it."""

import pytest

from ilw_web.server.shelf import HEADERS, MOST_FOLDERS, Shelf


@pytest.fixture
def left(tmp_path):
    folder = tmp_path / 'runs' / 'one'
    (folder / 'round-1').mkdir(parents=True)
    (folder / 'why.html').write_text('<p>so</p>')
    (folder / 'round-1' / 'map.png').write_bytes(b'\x89PNG')
    (folder / 'policy.yaml').write_text('secret')
    (tmp_path / 'runs' / 'other.html').write_text('other')
    (tmp_path / 'outside.html').write_text('outside')
    return folder


def test_pages_and_pictures_below_the_folder_are_read(left):
    shelf = Shelf(left.parent)
    key = shelf.share(left)
    assert shelf.share(left) == key
    assert shelf.read(key, 'why.html') == ('text/html; charset=utf-8', b'<p>so</p>')
    assert shelf.read(key, 'round-1/map.png') == ('image/png', b'\x89PNG')


@pytest.mark.parametrize('name', [
    '../other.html', '../../outside.html', 'round-1/../../other.html', 'policy.yaml', 'round-1',
    '/etc/hostname', 'nothing.html', 'a\0.html', 'link.html', 'way/outside.html', ''])
def test_nothing_else_is(left, name):
    (left / 'link.html').symlink_to(left.parent.parent / 'outside.html')
    (left / 'way').symlink_to(left.parent.parent)
    shelf = Shelf(left.parent)
    assert shelf.read(shelf.share(left), name) is None


def test_a_key_is_needed_and_a_folder_outside_the_roots_has_nothing(left):
    shelf = Shelf(left.parent)
    assert shelf.read('guessed', 'why.html') is None
    elsewhere = Shelf(left / 'round-1')
    assert elsewhere.read(elsewhere.share(left), 'why.html') is None


def test_the_oldest_key_is_forgotten(left):
    shelf = Shelf(left.parent)
    first = shelf.share(left)
    for number in range(MOST_FOLDERS):
        shelf.share(left.parent / str(number))
    assert shelf.read(first, 'why.html') is None


def test_a_page_that_was_left_runs_nothing_and_is_framed_by_this_page_only():
    policy = HEADERS['Content-Security-Policy']
    assert policy.endswith('sandbox') and "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy and 'script-src' not in policy
