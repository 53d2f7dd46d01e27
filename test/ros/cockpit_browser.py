"""Chromium drives the cockpit; run by a Python that has playwright. Prints one JSON object."""

import json
import sys
import time

from playwright.sync_api import sync_playwright

FREEZE = 'const begun = performance.now(); while (performance.now() - begun < 2000) {}'


def main(link, chromium):
    said = {'complaints': []}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium,
                                       args=['--no-sandbox', '--enable-unsafe-swiftshader'])
        page = browser.new_page(viewport={'width': 390, 'height': 700}, color_scheme='dark')
        page.on('console', lambda line: line.type == 'error'
                and said['complaints'].append(line.text))
        page.on('pageerror', lambda error: said['complaints'].append(str(error)))
        page.goto(link)
        page.wait_for_selector('canvas.scene[data-pictures]')
        said['address'] = page.url
        said['width'] = page.evaluate('document.documentElement.scrollWidth')

        def waits(text):
            page.locator('#who', has_text=text).wait_for(timeout=20_000)

        def drives():
            if page.inner_text('#who') != 'You drive':
                page.get_by_role('button', name='Take the wheel').or_(
                    page.get_by_role('button', name='Let go of all')).focus()
                page.keyboard.press('Enter')  # by keyboard alone
            waits('You drive')
            page.wait_for_timeout(1200)  # a pad is seen at rest before it counts
            page.keyboard.down('w')
            page.wait_for_timeout(1500)

        drives()
        said['frozen_at'] = time.time()
        page.evaluate(FREEZE)
        page.keyboard.up('w')
        waits('You drive')  # the wheel is taken again once all was let go of
        page.keyboard.press('x')
        page.locator('.state', has_text='EMERGENCY STOP').wait_for()
        said['estop'] = page.inner_text('.state')
        page.keyboard.press('u')
        page.locator('.state', has_text='Drives: ').wait_for()
        for name in ('Record', 'Health', 'Drive'):
            page.get_by_role('tab', name=name).click()
            page.wait_for_timeout(1500)
            said[name] = page.inner_text('main')
        drives()
        said['closed_at'] = time.time()
        browser.close()
    print(json.dumps(said))


if __name__ == '__main__':
    main(*sys.argv[1:])
