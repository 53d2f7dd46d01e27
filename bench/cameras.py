"""
What a picture of the simulated arm costs, and how fast windows with pictures are gathered.

    python bench/cameras.py --pictures 200 --json

CPU time of one picture, PNG included, between two steps of the physics, as the node draws it; and
of a batch of windows with two cameras out of files of the data set's cache.
"""

from dataclasses import replace
import json
from pathlib import Path
import sys
import tempfile
import time

import click
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine_line

from ilw_core.contract.file import named_contract
from ilw_data.episode.frames import Frames, map_frames, write_frames
from ilw_learner.data.window_images import WindowImages
from ilw_sim.arm.simulation import ArmSimulation

_SIZES = (84, 128)
_EPISODES, _STEPS, _BATCH, _BATCHES = 100, 40, 64, 50


def picture_ms(size: int, count: int) -> dict[str, dict[str, float]]:
    """Return the CPU time of a picture of each camera [ms]: median and 99th percentile."""
    contract = named_contract('lift')
    cameras = {name: {**keys, 'size': [size, size]}
               for name, keys in contract.scene['cameras'].items()}
    simulation = ArmSimulation(replace(contract, scene=contract.scene | {'cameras': cameras}))
    took: dict[str, list[float]] = {name: [] for name in cameras}
    action = np.array([0.05, 0.0, -0.06, 0.0, 0.04])
    for i in range(count):
        if i % 30 == 0:
            simulation.reset(i)
            for name in cameras:  # the drawing is built with the first picture of an episode
                simulation.reading(f'{name}/image_raw/compressed')
        simulation.step(action)
        for name in cameras:
            begin = time.process_time()
            simulation.reading(f'{name}/image_raw/compressed')
            took[name].append(1e3 * (time.process_time() - begin))
    simulation.close()
    return {name: {'median': round(float(np.median(each)), 2),
                   'p99': round(float(np.percentile(each, 99)), 2)} for name, each in took.items()}


def windows_per_s() -> float:
    """Return windows with two pictures of 84 px gathered per CPU second."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        images = {}
        for name in ('front', 'wrist'):
            parts = []
            for i in range(_EPISODES):
                path = Path(folder) / f'{i}.{name}.npy'
                write_frames(path, rng.integers(0, 256, (_STEPS, 84, 84, 3), dtype=np.uint8))
                parts.append(map_frames(path))
            images[name] = Frames(parts)
        windows = WindowImages(images, np.arange(_EPISODES * _STEPS)[:, None],
                               torch.device('cpu'))
        rows = torch.as_tensor(rng.integers(0, _EPISODES * _STEPS, (_BATCHES, _BATCH)))
        begin = time.process_time()
        for each in rows:
            windows.of(each)
        return _BATCHES * _BATCH / (time.process_time() - begin)


@click.command()
@click.option('--pictures', type=click.IntRange(2), default=200, show_default=True)
@click.option('--json', 'as_json', is_flag=True)
def main(pictures: int, as_json: bool) -> None:
    """Draw, gather, and show what it cost."""
    found = {'picture_ms': {str(size): picture_ms(size, pictures) for size in _SIZES},
             'windows_per_s': round(windows_per_s()), 'machine': machine_line()}
    if as_json:
        click.echo(json.dumps(found))
        return
    for size, each in found['picture_ms'].items():  # type: ignore[attr-defined]
        for name, ms in each.items():
            click.echo(f'{size} px, {name:<6} median {ms["median"]} ms, p99 {ms["p99"]} ms')
    click.echo(f'{found["windows_per_s"]} windows of 2 x 84 px per CPU second. '
               f'{found["machine"]}')


if __name__ == '__main__':
    main()
