"""Chromium with the cockpit open: presses a gamepad of its own making, and counts pictures."""

import argparse
import json
import time

from playwright.sync_api import sync_playwright

PAD = """
(() => {
  const pad = {id: 'bench pad', index: 0, connected: true, mapping: 'standard',
    axes: [0, 0, 0, 0], buttons: Array.from({length: 17}, () => ({pressed: false, value: 0}))};
  navigator.getGamepads = () => [pad];
  window.benchPad = pad;
  window.presses = [];
  window.sway = () => {  // hold the deadman, and move to and fro
    pad.buttons[4] = {pressed: true, value: 1};
    setInterval(() => { pad.axes[1] = 0.4 * Math.sign(Math.sin(performance.now() / 700)); }, 50);
  };
  window.press = (count) => new Promise((done) => {
    const once = (left) => {
      if (!left) { done(window.presses); return; }
      const forward = pad.axes[1] ? 0 : -1;  // from rest to full ahead, and back
      pad.buttons[4] = {pressed: forward !== 0, value: 1};
      pad.axes[1] = forward;
      window.presses.push([(performance.timeOrigin + performance.now()) / 1000, -forward]);
      setTimeout(() => once(left - 1), 700 + 300 * Math.random());
    };
    once(count);
  });
})();
"""


def pictures(page):
    """Return the pictures drawn so far."""
    return int(page.locator('canvas.scene').get_attribute('data-pictures') or 0)


def turn(page, seconds, *, drag):
    """Look on, or turn the view all the while; return the pictures drawn per second."""
    count, since = pictures(page), time.time()
    box = page.locator('canvas.scene').bounding_box()
    middle = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
    if drag:
        page.mouse.move(*middle)
        page.mouse.down()
    step = 0
    while time.time() < since + seconds:
        step += 1
        if drag:
            page.mouse.move(middle[0] + step % 200, middle[1] + step % 50)
        page.wait_for_timeout(10)
    if drag:
        page.mouse.up()
    return (pictures(page) - count) / (time.time() - since)


def main():
    """Print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument('link')
    parser.add_argument('--chromium', default='/usr/bin/chromium')
    parser.add_argument('--presses', type=int, default=0)
    parser.add_argument('--seconds', type=float, default=0.0)
    options = parser.parse_args()
    result = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=options.chromium,
                                       args=['--no-sandbox', '--enable-unsafe-swiftshader'])
        page = browser.new_page(viewport={'width': 1100, 'height': 800})
        page.add_init_script(PAD)
        begun = time.time()
        page.goto(options.link)
        page.wait_for_selector('canvas.scene[data-pictures]', timeout=30_000)
        result['picture_at_s'], result['open_s'] = time.time(), time.time() - begun
        if options.presses:
            page.get_by_role('button', name='Take the wheel').click()
            page.locator('#who', has_text='You drive').wait_for()
            page.wait_for_timeout(1500)
            result['presses'] = page.evaluate(f'press({options.presses})')
        if options.seconds:
            page.get_by_role('button', name='Look around (3-D)').click()
            page.get_by_role('button', name='Take the wheel').click()
            page.locator('#who', has_text='You drive').wait_for()
            page.wait_for_timeout(3000)
            page.evaluate('sway()')
            print(json.dumps({'begin': time.time()}), flush=True)
            result['news_pictures_per_s'] = turn(page, options.seconds / 2, drag=False)
            result['turned_pictures_per_s'] = turn(page, options.seconds / 2, drag=True)
            result['charts'] = page.locator('.uplot').count()
            result['cameras'] = page.locator('.cameras canvas').count()
        browser.close()
    print(json.dumps(result), flush=True)


if __name__ == '__main__':
    main()
