"""
Make the pictures of the docs anew, by the commands that their pages tell of: docs/pictures.

    python tools/draw_docs.py [NAME...]      # in ./ilw shell; needs chromium for `why`

Each is what the product drew in a run of this machine, made smaller: nothing is drawn here. A few
minutes of demonstrations by the scripted experts, and of brief trainings.
"""

from collections.abc import Callable
from pathlib import Path
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

PICTURES = Path(__file__).parents[1] / 'docs' / 'pictures'
BEGIN_NS = 1_700_000_000_000_000_000
WIDEST_PX, COLOURS = 900, 64
BRIEF = 'algorithm: bc\nbase: bc\nupdates: {}\ncandidates: 4\neval_episodes: 10\n'
BRIEF_TABLE = 'algorithm: qtable\nbase: qtable\ncandidates: 1\neval_episodes: 5\n'


def ilw(folder: Path, *words: object) -> None:
    """Run a command as a person does."""
    subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', *map(str, words)], cwd=folder,
                   check=True, stdout=subprocess.DEVNULL)


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
    ilw(folder, 'episodes', 'thumbnails', drives(folder, 'clutter', 8), '--out', 'small')
    each = [cv2.imread(str(path)) for path in sorted((folder / 'small').glob('*.png'))[:6]]
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
    """The page of ``why``, as chromium shows its head."""
    learning_curves(folder)
    ilw(folder, 'why', 'runs/bc-1500-updates/checkpoint', drives(folder, 'clutter', 8), '--out',
        'why.html', '--worlds', 0)
    subprocess.run(['chromium', '--headless', '--no-sandbox', '--hide-scrollbars',
                    '--window-size=1000,1100', f'--screenshot={folder / "why.png"}',
                    f'file://{folder / "why.html"}'], check=True, capture_output=True)
    return folder / 'why.png'


MADE: dict[str, Callable[[Path], Path]] = {
    'camera_sheet': camera_sheet, 'thumbnails': thumbnails, 'learning_curves': learning_curves,
    'table_values': table_values, 'recovered_reward': recovered_reward, 'policy_why': policy_why}


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
