"""Try a sample of the bugs of one room after another."""

from collections import deque
from dataclasses import dataclass
import importlib
from pathlib import Path
import random
import sys
import time

import yaml

from mutants.operators import Mutant, mutant, places, sample
from mutants.rooms import Room
from mutants.trial import Outcome, Tree, Trial

# What takes long to import and knows nothing of ILW: done once, before the forks.
_WARM = ('numpy', 'hypothesis', 'pytest', '_pytest.assertion', 'rosbags.rosbag2', 'cv2', 'yaml',
         'cryptography.hazmat.primitives.asymmetric.ed25519', 'torch', 'onnx', 'onnxruntime',
         'gymnasium', 'safetensors', 'mcap.reader', 'numba', 'rclpy.serialization',
         'sensor_msgs.msg', 'nav_msgs.msg', 'torch.utils.tensorboard')
_IDLE_S = 0.05


@dataclass(frozen=True)
class Row:
    """What became of the bugs of one room."""

    room: str
    tried: int
    equivalent: int
    survived: tuple[Mutant, ...]
    wall_s: float

    @property
    def share(self) -> float:
        """How many of those that can be seen were seen, 0 to 1."""
        counted = self.tried - self.equivalent
        return 1.0 - len(self.survived) / counted if counted else 1.0

    def as_dict(self) -> dict:
        """Return it for programs."""
        return {'room': self.room, 'mutants': self.tried, 'equivalent': self.equivalent,
                'seen': self.tried - self.equivalent - len(self.survived), 'share': self.share,
                'survived': [str(mutant) for mutant in self.survived]}

    def __str__(self) -> str:
        counted = self.tried - self.equivalent
        head = (f'{self.room:10} {counted - len(self.survived):4d} of {counted:4d} seen '
                f'({self.share:5.1%}), {self.equivalent} equivalent, {self.wall_s:.0f} s')
        return '\n'.join([head, *(f'  {mutant}' for mutant in self.survived)])


class Campaign:
    """
    Copies of a tree, in each of which one bug at a time is tried.

    :raises RuntimeError: of ``run``, the tests fail without any bug, or pass in spite of one that
        no test can miss.
    """

    def __init__(self, root: Path, scratch: Path, jobs: int) -> None:
        for name in _WARM:
            importlib.import_module(name)
        self._root = root
        self._trees = [Tree(root, scratch / f'{i}') for i in range(jobs)]
        listed = yaml.safe_load((Path(__file__).with_name('equivalent.yaml')).read_text())
        self._equivalent = {(each['file'], each['before'], each.get('after'))
                            for each in listed}

    def run(self, name: str, room: Room, count: int, rng: random.Random) -> Row:
        """Try so many bugs of a room."""
        began_s = time.monotonic()
        sources = {path: (self._root / path).read_text() for path in room.files}
        drawn = sample([place for path, source in sources.items()
                        for place in places(path, source)], count, rng)
        mutants = [mutant(place, sources[place.path]) for place in drawn]
        counted = deque(one for one in mutants if not self._is_equivalent(one))
        equivalent, tried = len(mutants) - len(counted), len(mutants)
        whole = self._check(room, sources)
        running: dict[Tree, tuple[Mutant, Trial]] = {}
        survived = []
        while counted or running:
            for tree in self._trees:
                if tree not in running and counted:
                    one = counted.popleft()
                    (tree.folder / one.place.path).write_text(one.code)
                    running[tree] = one, self._start(tree, room, whole)
            time.sleep(_IDLE_S)
            for tree, (one, trial) in list(running.items()):
                outcome = trial.ended(60.0 + 20.0 * whole.wall_s)
                if outcome is None:
                    continue
                del running[tree]
                (tree.folder / one.place.path).write_text(sources[one.place.path])
                if not outcome.seen:
                    survived.append(one)
                done = tried - equivalent - len(counted) - len(running)
                print(f'  {name} {done}/{tried - equivalent} '
                      f'{"seen by " + outcome.by if outcome.seen else "NOT SEEN"} '
                      f'{outcome.wall_s:.1f} s: {one.place.path}:{one.place.line} {one.after}',
                      file=sys.stderr, flush=True)
        return Row(name, tried, equivalent, tuple(survived), time.monotonic() - began_s)

    def _is_equivalent(self, one: Mutant) -> bool:
        where = one.place.path, one.before
        return (*where, one.after) in self._equivalent or (*where, None) in self._equivalent

    def _start(self, tree: Tree, room: Room, whole: Outcome) -> Trial:
        return tree.start(list(room.tests), room.environment, 10.0 + 4.0 * whole.cpu_s)

    def _check(self, room: Room, sources: dict[str, str]) -> Outcome:
        """Return how the tests end without a bug; see that the copy is what they run."""
        tree, endless = self._trees[0], Outcome(False, '', 600.0, 3600.0)
        whole = self._end(self._start(tree, room, endless))
        if whole.seen:
            raise RuntimeError(f'The tests fail without a bug: {whole.by}. Mend them first; see '
                               f'{tree.folder}/said.txt.')
        path = tree.folder / room.files[0]
        path.write_text('raise AssertionError("a bug that no test can miss")\n')
        if not self._end(self._start(tree, room, whole)).seen:
            raise RuntimeError(f'The tests do not import {path}.')
        path.write_text(sources[room.files[0]])
        return whole

    @staticmethod
    def _end(trial: Trial) -> Outcome:
        while (outcome := trial.ended(3600.0)) is None:
            time.sleep(_IDLE_S)
        return outcome
