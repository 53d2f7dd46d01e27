"""
Make the pictures of the docs anew, by the commands that their pages tell of: docs/pictures.

    python tools/draw_docs.py [NAME...]      # in ./ilw shell; pages need bench/setup cockpit

Each is what the product drew in a run of this machine, made smaller: nothing is drawn here. A few
minutes of demonstrations by the scripted experts, and of brief trainings.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import json
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
from types import SimpleNamespace as Plain

import cv2
import numpy as np
from PIL import Image

from ilw_core.contract.file import named_contract
from ilw_core.episode import Outcome
from ilw_core.storage.locate import config_file
from ilw_data.episode.made import MadeRecording
from ilw_sim.arm.hand import ArmHand
from ilw_sim.driver.expert import Expert
from ilw_sim.driver.stick import Stick
from ilw_sim.env import make_env
from ilw_sim.tasks.scene import make_grid

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / 'docs' / 'pictures'
BEGIN_NS = 1_700_000_000_000_000_000
WIDEST_PX, COLOURS = 900, 64
BRIEF = 'algorithm: bc\nbase: bc\nupdates: {}\ncandidates: 4\neval_episodes: 10\n'
BRIEF_TABLE = 'algorithm: qtable\nbase: qtable\ncandidates: 1\neval_episodes: 5\n'
LOOK = '''
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as play:
    browser = play.chromium.launch(executable_path='/usr/bin/chromium', args=[
        '--no-sandbox', '--enable-unsafe-swiftshader'])
    page = browser.new_page(viewport={'width': 1000, 'height': 1100})
    page.goto(sys.argv[1])
    page.wait_for_timeout(1000.0 * float(sys.argv[3]))
    page.screenshot(path=sys.argv[2])
'''
"""Program: address, picture, seconds to wait"""
DRIVES_S = 15.0
"""Until the nodes of a recording drive, and some of a path is to be seen"""


def look(address: str, picture: Path, wait_s: float = 0.0) -> Path:
    """Return a picture of a page as a browser shows it."""
    subprocess.run([ROOT / 'bench/.venv-cockpit/bin/python', '-c', LOOK, address, picture,
                    str(wait_s)], check=True)
    return picture


@contextmanager
def running(folder: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'ilw_bringup.cli', *map(str, words)], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def ilw(folder: Path, *words: object) -> str:
    """Run a command as a person does; return what it prints."""
    return subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', *map(str, words)], cwd=folder,
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def drives(folder: Path, task: str, count: int) -> Path:
    """Record some drives of a base by the expert; return their folder."""
    contract, out = named_contract(task), folder / 'demos' / task
    if out.exists():
        return out
    kinds = {each.topic: each.type for each in contract.sources}
    env = make_env(contract)
    for seed in range(count):
        env.reset(seed=seed)
        simulation, scene = env.simulation, env.simulation.scene
        expert = Expert(contract, np.random.default_rng(seed))
        expert.plan(make_grid(scene.size, scene.shapes, 0.05, corner=scene.origin), scene.goal)
        bag = MadeRecording(out / f'drive-{seed:02d}', contract, kinds)
        ended = success = False
        while not ended:
            stamp_ns = BEGIN_NS + simulation.tick.stamp_ns
            bag.tick(stamp_ns, {**vars(simulation.tick.readings),
                                'goal': simulation.goal_reading(stamp_ns)})
            wanted = expert.drive(simulation.pose)
            action = (int(contract.action.nearest(wanted[None])[0]) if contract.action.discrete
                      else wanted.astype(np.float32))
            _, _, terminated, truncated, info = env.step(action)
            bag.command(stamp_ns, info['applied'])
            ended, success = terminated or truncated, bool(info['success'])
        bag.tick(BEGIN_NS + simulation.tick.stamp_ns, vars(simulation.tick.readings))
        bag.finish(Outcome.SUCCESS if success else Outcome.FAILURE, str(info['stop_reason']))
    env.close()
    return out


def lift(folder: Path) -> Path:
    """Record a lift by the arm's scripted hand, cameras and all; return the episode."""
    contract, out = named_contract('lift'), folder / 'demos' / 'lift' / 'drive'
    env = make_env(contract)
    hand = ArmHand(contract, Stick(config_file('joysticks', 'xbox')), seed=0, imperfection=0.0)
    bag = MadeRecording(out, contract, {each.topic: each.type for each in contract.sources})
    env.reset(seed=1)
    while not (tick := env.simulation.tick).ended:
        images, stamp_ns = env.simulation.images(), BEGIN_NS + tick.stamp_ns
        bag.tick(stamp_ns, {**tick.readings, **{source.topic: Plain(
            header=Plain(stamp=None, frame_id=source.name), format='png',
            data=cv2.imencode('.png', images[source.name][..., ::-1])[1].reshape(-1))
            for source in contract.images}})
        _, _, _, _, info = env.step(hand.wish(tick.readings))
        bag.command(stamp_ns, info['applied'])
    env.close()
    assert info['success']
    bag.finish(Outcome.SUCCESS, 'rule')
    return out


def camera_sheet(folder: Path) -> Path:
    """``episodes show --sheet``."""
    ilw(folder, 'episodes', 'show', lift(folder), '--sheet', 'sheet.png')
    return folder / 'sheet.png'


def thumbnails(folder: Path) -> Path:
    """``episodes thumbnails``, beside one another."""
    told = json.loads(ilw(folder, 'episodes', 'thumbnails', drives(folder, 'clutter', 8), '--out',
                          'small', '--json'))['thumbnails']
    each = [cv2.imread(str(folder / 'small' / told[path]['file'])) for path in sorted(told)[:6]]
    cv2.imwrite(str(folder / 'row.png'), np.concatenate(each, axis=1))
    return folder / 'row.png'


def learning_curves(folder: Path) -> Path:
    """``runs --plot`` of two brief trainings."""
    demos = drives(folder, 'clutter', 8)
    for updates in (300, 1500):
        (folder / 'brief.yaml').write_text(BRIEF.format(updates))
        ilw(folder, 'train', '--task', 'clutter', '--demos', demos, '--algo', 'brief.yaml',
            '--out', f'runs/bc-{updates}-updates')
    ilw(folder, 'runs', 'runs', '--plot', 'curves.png')
    return folder / 'curves.png'


def table_values(folder: Path) -> Path:
    """``values.png`` of a training with a table."""
    (folder / 'table.yaml').write_text(BRIEF_TABLE)
    ilw(folder, 'train', '--task', 'maze', '--algo', 'table.yaml', '--out', 'table')
    return next((folder / 'table').rglob('values.png'))


def recovered_reward(folder: Path) -> Path:
    """``reward recover --plot``."""
    ilw(folder, 'reward', 'recover', drives(folder, 'maze', 12), '--task', 'maze', '--plot',
        'reward.png')
    return folder / 'reward.png'


def policy_why(folder: Path) -> Path:
    """The page of ``why``, its head."""
    learning_curves(folder)
    ilw(folder, 'why', 'runs/bc-1500-updates/checkpoint', drives(folder, 'clutter', 8), '--out',
        'why.html', '--worlds', 0)
    return look(f'file://{folder / "why.html"}', folder / 'why.png')


def cockpit_drive(folder: Path) -> Path:
    """The cockpit's page *Drive* while the scripted expert records."""
    record = 'up', 'record', '--task', 'clutter', '--input', 'external', '--expert', '--detached'
    with running(folder, *record), running(folder, 'cockpit', '--task', 'clutter') as page:
        assert page.stdout is not None
        link = next(line.split()[1] for line in page.stdout if line.startswith('Cockpit: '))
        return look(link, folder / 'cockpit.png', DRIVES_S)


MADE: dict[str, Callable[[Path], Path]] = {
    'camera_sheet': camera_sheet, 'thumbnails': thumbnails, 'learning_curves': learning_curves,
    'table_values': table_values, 'recovered_reward': recovered_reward, 'policy_why': policy_why,
    'cockpit_drive': cockpit_drive}


def main() -> None:
    """Make those that are named, or all."""
    with tempfile.TemporaryDirectory(prefix='ilw_docs_') as kept:
        for name in sys.argv[1:] or MADE:
            picture = Image.open(MADE[name](Path(kept))).convert('RGB')
            picture.thumbnail((WIDEST_PX, 2 * WIDEST_PX))
            PICTURES.mkdir(exist_ok=True)
            picture.quantize(COLOURS).save(PICTURES / f'{name}.png', optimize=True)


if __name__ == '__main__':
    main()
