"""Chromium goes from recording to a policy that drives, without a terminal. Prints one JSON."""

import json
import re
import sys
import time

from playwright.sync_api import TimeoutError, sync_playwright

LONG_MS = 400_000


def main(link, chromium, takes, folder):
    said = {'complaints': [], 'jobs': []}
    began = time.monotonic()

    def stage(name):
        print(f'{time.monotonic() - began:6.1f} s: {name}', file=sys.stderr, flush=True)

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium,
                                       args=['--no-sandbox', '--enable-unsafe-swiftshader'])
        page = browser.new_page(viewport={'width': 1100, 'height': 900})
        page.set_default_timeout(180_000)
        page.on('console', lambda line: line.type == 'error'
                and said['complaints'].append(line.text))
        page.on('pageerror', lambda error: said['complaints'].append(str(error)))
        page.goto(link)
        page.wait_for_selector('canvas.scene[data-pictures]')

        def tab(name):
            page.get_by_role('tab', name=name).click()

        def press(name):
            page.locator('main').get_by_role('button', name=name, exact=True).click()

        def job(number, name, ends='done'):
            """Wait until a job has ended so, and return what the page shows of it."""
            page.locator('h3', has_text=re.compile(
                f'Job {number}: {name}, (done|refused|failed)')).wait_for(timeout=LONG_MS)
            shown = page.locator('section[aria-label=Jobs]').inner_text()
            said['jobs'].append(shown[:3000])
            stage(f'job {number}: {name}')
            assert f'Job {number}: {name}, {ends}' in shown, shown
            return shown

        def begin():
            """Begin an episode, again where the recorder was not ready for one."""
            recording = page.locator('.state', has_text='RECORDING')
            for _ in range(10):
                page.keyboard.press('b')
                try:
                    recording.wait_for(timeout=6_000)
                    return
                except TimeoutError:
                    said['again'] = page.inner_text('main')[:600]
            raise AssertionError(said['again'])

        stage('record')
        # Record.
        press('Take the wheel')
        page.locator('#who', has_text='You drive').wait_for()
        page.wait_for_timeout(1500)  # a pad is seen at rest before it counts
        page.evaluate('document.activeElement.blur()')
        for take in range(int(takes)):
            tab('Record')
            begin()
            page.keyboard.down('w')
            page.wait_for_timeout(1500)
            page.keyboard.down('a' if take % 2 else 'd')
            page.wait_for_timeout(700)
            for key in ('w', 'a', 'd'):
                page.keyboard.up(key)
            page.keyboard.press('y')
            page.locator('p', has_text=re.compile(f'saved {take + 1}, ')).wait_for()
            stage(f'saved {take + 1}')
        page.locator('p', has_text=f'{takes} episodes').wait_for()
        stage('check')
        # Check, take one out of training and bring it back.
        press('Check all')
        page.locator('p', has_text='episodes to train from').wait_for()
        said['record'] = page.inner_text('main')
        page.locator('summary', has_text='Mend').first.click()
        page.get_by_role('button', name='Drop', exact=True).first.click()
        page.get_by_role('group', name='What would change').wait_for()
        press('Do it')
        page.locator('span', has_text='is out of training.').wait_for()
        page.locator('summary', has_text='1 out of training').wait_for()
        press('Undo')
        page.locator('summary', has_text='0 out of training').wait_for()
        stage('train')
        # Train.
        tab('Train')
        page.locator('#train-data option', has_text=f'{takes} episodes').wait_for(
            state='attached')
        page.locator('#train-algo option[value=bc_quick]').wait_for(state='attached')
        page.select_option('#train-algo', 'bc_quick')
        page.locator('summary', has_text='Its values').click()
        page.locator('td', has_text='bc_quick.yaml').first.wait_for()
        page.screenshot(path=f'{folder}/train_begin.png')
        press('Start training')
        said['train'] = job(1, 'train')
        page.locator('section[aria-label=Runs] input[type=checkbox]').check()
        press('Compare the chosen')
        page.locator('svg[aria-label="train/bc_loss"]').wait_for()
        page.screenshot(path=f'{folder}/train.png', full_page=True)
        stage('judge')
        # Judge: evaluate, promote.
        tab('Judge')
        page.locator('#policy option', has_text='train').first.wait_for(state='attached')
        page.fill('#episodes', '3')
        press('Evaluate')
        said['evaluate'] = job(2, 'evaluate')
        press('Promote')
        said['refused'] = job(3, 'promote', 'refused')
        page.fill('#floor', '0')
        page.fill('#because', 'a first policy, to see it drive')
        press('Promote')
        said['promote'] = job(4, 'promote')
        press('Ask why')
        said['why'] = job(5, 'why')
        page.get_by_role('button', name='why.html').click()
        frame = page.frame_locator('iframe')
        frame.locator('h1').wait_for()
        said['report'] = frame.locator('h1').inner_text()
        page.screenshot(path=f'{folder}/judge.png', full_page=True)
        stage('deploy')
        # Deploy: load it, arm it, and let go.
        page.select_option('#policy', 'deployed')
        press('Load the policy')
        page.locator('#notice', has_text='Loaded deployed').wait_for()
        tab('Drive')
        press('Leave the wheel')
        press('Arm policy')
        page.locator('.state', has_text='Drives: policy').wait_for()
        said['drives_at'] = time.time()
        page.wait_for_timeout(1500)
        said['drive'] = page.inner_text('main')
        page.keyboard.press('x')
        page.locator('.state', has_text='EMERGENCY STOP').wait_for()
        stage('correct')
        # Correct: in a simulator of its own.
        tab('Judge')
        page.locator('#policy option', has_text='train').first.wait_for(state='attached')
        page.select_option('#policy', 'deployed')
        page.fill('#attempts', '2')
        page.fill('#episodes', '2')
        page.fill('#speed', '4')
        page.check('#scripted')
        press('Correct')
        said['correct'] = job(6, 'correct')
        page.get_by_role('button', name='round-1/round.html').click()
        frame.locator('h1', has_text='round 1').wait_for()
        stage('end')
        browser.close()
    print(json.dumps(said))


if __name__ == '__main__':
    main(*sys.argv[1:])
