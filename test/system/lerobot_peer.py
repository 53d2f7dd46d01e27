"""
LeRobot by itself, as its users call it; run with the Python of ``.venv-lerobot``.

``KEPT read FOLDER OUT.npz``: by its reader, with ``delta_timestamps``. ``KEPT write FOLDER
OUT.npz``: a data set that ILW had no part in. ``KEPT``: a folder for what the library keeps.
"""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools' / 'lerobot'))
import side  # noqa: F401, I001 - makes torchvision load beside a CPU's torch; offline

from lerobot.datasets.lerobot_dataset import LeRobotDataset
import numpy as np


def read(folder, out):
    near = {'action': [0.0, 0.1], 'observation.state': [-0.1, 0.0]}
    data = LeRobotDataset('a/b', folder, video_backend='pyav', delta_timestamps=near)
    rows = [data[i] for i in range(len(data))]
    found = {key: np.stack([np.asarray(row[key]) for row in rows])
             for key, each in rows[0].items() if key != 'task'}
    names = data.meta.features['observation.state']['names']
    np.savez(out, **found, task=[row['task'] for row in rows], names=names,
             action_names=data.meta.features['action']['names'])


def write(folder, out):
    rng, size = np.random.default_rng(0), (24, 32)
    data = LeRobotDataset.create('a/b', 20, root=folder, use_videos=False, features={
        'observation.state': {'dtype': 'float32', 'shape': (3,),
                              'names': {'motors': ['shoulder.pos', 'elbow.pos', 'wrist.pos']}},
        'observation.effort': {'dtype': 'float64', 'shape': (1,), 'names': None},
        'observation.images.top': {'dtype': 'image', 'shape': (3, *size),
                                   'names': ['channels', 'height', 'width']},
        'action': {'dtype': 'float32', 'shape': (3,), 'names': None}})
    kept = {'state': [], 'action': [], 'effort': [], 'image': []}
    for steps in (30, 24):
        for _ in range(steps):
            row = {'state': rng.normal(size=3).astype('f4'), 'effort': rng.normal(size=1),
                   'image': rng.integers(0, 256, (3, *size), dtype=np.uint8)}
            row['action'] = (0.5 * row['state'] + 0.1).astype('f4')
            for key, each in row.items():
                kept[key].append(each)
            data.add_frame({
                'observation.state': row['state'], 'observation.effort': row['effort'],
                'observation.images.top': row['image'], 'action': row['action'],
                'task': 'Reach for the cube'})
        data.save_episode()
    data.finalize()
    np.savez(out, **{key: np.stack(each) for key, each in kept.items()})


{'read': read, 'write': write}[sys.argv[2]](Path(sys.argv[3]), sys.argv[4])
