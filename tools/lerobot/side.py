"""
LeRobot's own library, in an environment of its own: writes and reads its data sets.

``ilw_data.lerobot.side`` runs it with the Python of ``.venv-lerobot``, and a folder for what the
library keeps, which is gone afterwards. Each line of standard input is a request, each line of
standard output its answer, both JSON; arrays travel in ``.npz`` files.
"""

from functools import partial
import json
import os
from pathlib import Path
import sys
from typing import Any
import warnings

os.environ |= {'HF_HUB_OFFLINE': '1', 'HF_HOME': sys.argv[1], 'HF_LEROBOT_HOME': sys.argv[1],
               'HF_DATASETS_DISABLE_PROGRESS_BARS': '1', 'SVT_LOG': '1'}
warnings.filterwarnings('ignore')
sys.path.append(str(Path(__file__).parent))

import numpy as np  # noqa: E402
import torch  # noqa: E402

DECODER = 'pyav'
"""The other, torchcodec, wants an installed FFmpeg"""
_NAME = 'ilw/local'
"""LeRobot wants one; nothing is looked up by it"""
_AT_ONCE = 64
"""Pictures in memory, as floats"""

from lerobot.datasets import lerobot_dataset  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402
from lerobot.datasets.video_utils import decode_video_frames, encode_video_frames  # noqa: E402


class Side:
    """One data set that is being written or read; or a policy."""

    data: LeRobotDataset

    def create(self, root: str, fps: int, features: dict[str, Any], robot_type: str, *,
               codec: str, pixels: str, crf: int) -> dict[str, Any]:
        """Begin a data set; ``crf``: how coarse its videos are, 0 is lossless."""
        # LeRobot lets a caller choose the codec alone.
        lerobot_dataset.encode_video_frames = partial(
            encode_video_frames, pix_fmt=pixels, crf=crf)
        videos = any(each['dtype'] == 'video' for each in features.values())
        shaped = {name: {**each, 'shape': tuple(each['shape'])} for name, each in features.items()}
        self.data = LeRobotDataset.create(
            _NAME, fps, shaped, root, robot_type or None, use_videos=videos,
            video_backend=DECODER, vcodec=codec)
        return {}

    def add(self, arrays: str, task: str) -> dict[str, Any]:
        """Write one episode: arrays of T rows each, named as the features."""
        with np.load(arrays, allow_pickle=False) as found:
            columns = {name: found[name] for name in found.files}
        for row in range(len(columns['action'])):
            self.data.add_frame({**{name: each[row] for name, each in columns.items()},
                                 'task': task})
        self.data.save_episode()
        return {}

    def finish(self) -> dict[str, Any]:
        """End the data set; without it, it cannot be read."""
        self.data.finalize()
        return {}

    def open(self, root: str) -> dict[str, Any]:
        """Open a data set by LeRobot's reader; returns what it says of itself."""
        self.data = LeRobotDataset(_NAME, root, video_backend=DECODER)
        meta = self.data.meta
        return {'fps': meta.fps, 'robot_type': meta.robot_type or '',
                'features': {name: {**each, 'shape': list(each['shape'])}
                             for name, each in meta.features.items()},
                'lengths': [int(each) for each in meta.episodes['length']]}

    def numbers(self, arrays: str, names: list[str]) -> dict[str, Any]:
        """Write some numeric features of all frames, ``(N, D)`` each, and ``episode_index``."""
        rows = self.data.hf_dataset.select_columns([*names, 'episode_index', 'timestamp'])[:]
        np.savez(arrays, **{name: np.stack([np.asarray(each) for each in column])
                            for name, column in rows.items()})
        return {}

    def pictures(self, arrays: str, episode: int, names: list[str]) -> dict[str, Any]:
        """Write the pictures of an episode, ``(T, H, W, C)`` uint8; return its task."""
        about = self.data.meta.episodes[episode]
        first, end = int(about['dataset_from_index']), int(about['dataset_to_index'])
        np.savez(arrays, **{name: np.concatenate([
            self._pictures(name, episode, begin, min(begin + _AT_ONCE, end))
            for begin in range(first, end, _AT_ONCE)]) for name in names})
        task = int(self.data.hf_dataset[first]['task_index'])
        return {'task': str(self.data.meta.tasks.iloc[task].name)}

    def act_policy(self, arrays: str, root: str, vectors: dict[str, list[int]],
                   cameras: dict[str, str]) -> dict[str, Any]:
        """Replace observations and images by a policy's graph and what LeRobot makes of them."""
        from act_graph import act_graph

        with np.load(arrays, allow_pickle=False) as found:
            inputs = [found[f'arr_{i}'] for i in range(len(found.files))]
        graph, chunks = act_graph(Path(root), inputs, vectors, cameras)
        np.savez(arrays, graph=np.frombuffer(graph, np.uint8), chunks=chunks)
        return {}

    def ilw_policy(self, arrays: str, root: str, shapes: dict[str, list[int]],
                   **config: Any) -> dict[str, Any]:
        """Complete a folder as a policy; replace what it sees by the chunks that it gives."""
        from ilw_policy import completed

        policy, before, after = completed(Path(root), shapes, config)
        with np.load(arrays, allow_pickle=False) as found:
            inputs = [found[f'arr_{i}'] for i in range(len(found.files))]
        seen = [torch.from_numpy(each) for each in inputs]
        chunks = []
        for rows in zip(*seen, strict=True):
            policy.reset()
            batch = before(dict(zip(policy.config.input_features, rows, strict=True)))
            chunks.append(after(policy.predict_action_chunk(batch)))
        np.savez(arrays, chunks=torch.cat(chunks).numpy())
        return {}

    def _pictures(self, name: str, episode: int, begin: int, end: int) -> np.ndarray:
        if name not in self.data.meta.video_keys:
            seen = torch.stack(list(self.data.hf_dataset.select_columns([name])[begin:end][name]))
        else:
            about = self.data.meta.episodes[episode]
            stamps = self.data.hf_dataset.select_columns(['timestamp'])[begin:end]['timestamp']
            shift = float(about[f'videos/{name}/from_timestamp'])
            seen = decode_video_frames(
                self.data.root / self.data.meta.get_video_file_path(episode, name),
                [shift + float(each) for each in stamps], self.data.tolerance_s, DECODER)
        return (seen * 255.0).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def main() -> None:
    """Answer requests until there are no more."""
    # What libraries print goes to standard error: the answers keep the other to themselves.
    answers = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)
    side = Side()
    print(json.dumps({'ready': True}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(side, request.pop('do'))(**request)
        except Exception as error:
            answer = {'error': f'{type(error).__name__}: {" ".join(str(error).split())[:500]}'}
        print(json.dumps(answer), file=answers)


if __name__ == '__main__':
    main()
