"""Chromium looks through recorded episodes and mends one of them. Prints one JSON object."""

import json
import sys

from playwright.sync_api import sync_playwright

LOADED = 'image => image.decode().then(() => image.naturalWidth)'


def main(link, chromium, folder):
    said = {'complaints': []}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium,
                                       args=['--no-sandbox', '--enable-unsafe-swiftshader'])
        page = browser.new_page(viewport={'width': 390, 'height': 700}, color_scheme='dark')
        page.set_default_timeout(60_000)
        page.on('console', lambda line: line.type == 'error'
                and said['complaints'].append(line.text))
        page.on('pageerror', lambda error: said['complaints'].append(str(error)))
        page.goto(link)
        page.get_by_role('tab', name='Record').click()

        # Thumbnails: of each episode but the damaged one.
        page.locator('.thumb img').nth(1).wait_for()
        page.locator('.why').wait_for()
        said['pictures'] = page.locator('.thumb img').evaluate_all(
            f'images => Promise.all(images.map({LOADED}))')
        said['why'] = page.locator('.why').all_inner_texts()
        said['address'] = page.locator('.thumb img').first.get_attribute('src')

        # Two of them on one time line, by keyboard alone.
        for name in ('one', 'two'):
            page.get_by_role('checkbox', name=f'Draw {name}').focus()
            page.keyboard.press('Space')
        page.get_by_role('button', name='Draw the chosen').focus()
        page.keyboard.press('Enter')
        page.locator('svg.curves polyline').nth(1).wait_for(state='attached')
        said['chart'] = page.locator('figure figcaption').inner_text()
        said['lines'] = page.locator('.keys li').all_inner_texts()
        said['width'] = page.evaluate('document.documentElement.scrollWidth')
        page.screenshot(path=f'{folder}/phone_dark.png', full_page=True)
        page.select_option('#beside-field', 'observation/pose.x_m')
        page.locator('figcaption', has_text='observation/pose.x_m').wait_for()
        page.emulate_media(color_scheme='light')
        page.set_viewport_size({'width': 1100, 'height': 900})
        page.screenshot(path=f'{folder}/wide_light.png', full_page=True)

        # A fix: first what it changes, then it, then as it was.
        page.get_by_role('button', name='Check all').click()
        page.get_by_role('button', name='Mend it').first.wait_for()
        page.locator('tr', has=page.locator('code', has_text='/torn')).get_by_role(
            'button', name='Mend it').click()
        plan = page.get_by_role('group', name='What would change')
        plan.wait_for()
        said['plan'], said['there'] = plan.inner_text(), listed(page)
        page.screenshot(path=f'{folder}/plan.png', full_page=True)
        plan.get_by_role('button', name='Do it').click()
        page.locator('summary', has_text='1 out of training').wait_for()
        page.locator('p', has_text='2 episodes').wait_for()
        said['mended'] = listed(page)
        page.get_by_role('button', name='Undo').click()
        page.locator('p', has_text='3 episodes').wait_for()
        said['undone'] = listed(page)
        browser.close()
    print(json.dumps(said))


def listed(page):
    """Return the names of the episodes in the list, sorted."""
    return sorted(label.removeprefix('Draw ') for label in page.locator(
        'input[aria-label^="Draw "]').evaluate_all('each => each.map(box => box.ariaLabel)'))


if __name__ == '__main__':
    main(*sys.argv[1:])
