"""Files beside and in recordings: SQLite bags and their journals, quality.json, maps, runs."""

from collections.abc import Callable
from contextlib import closing, redirect_stdout
from io import StringIO
import json
from pathlib import Path
import shutil
import sqlite3

from fuzz.target import Target
from ilw_bringup.cli import ilw
from ilw_core.storage.episode_folder import read_episode
from ilw_core.storage.locate import config_folder
from ilw_core.storage.map_file import load_map
from ilw_core.text.printable import printable
from ilw_data.bag.raw.bag import RawBag
from ilw_data.episode.bin import BIN
from ilw_learner.checkpoint.deployed import Deployed
from ilw_learner.rollout.trial_log import TrialLog
from ilw_learner.training.runs import read_run

_SCHEMA = """
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
    serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
INSERT INTO topics VALUES (1, '/odom', 'nav_msgs/msg/Odometry', 'cdr', '');
INSERT INTO topics VALUES (2, '/cmd_vel', 'geometry_msgs/msg/TwistStamped', 'cdr', '');
"""
_SQL = (b'CREATE VIEW messages AS SELECT', b'CREATE VIRTUAL TABLE', b' WITHOUT ROWID',
        b'data AS (zeroblob(900000000))', b'GENERATED ALWAYS', b'CREATE TRIGGER',
        b'\xd9\xd5\x05\xf9\x20\xa1\x63\xd7', b'\x05\x00\x00\x00', b'\x0d\x00\x00\x00')
_QUALITY = json.dumps({'verdict': 'suspect', 'reasons': ['odom: 2 gap(s).'],
                       'topics': {'odom': {'count': 3}}}).encode()
_RUN = json.dumps({'task': 'maze', 'algorithm': 'bc', 'seed': 0, 'train_s': 1.5, 'success': 8,
                   'episodes_eval': 10, 'mean_return': 1.0}).encode()
_ENTRY = json.dumps({'time': '2026-01-01T00:00:00+00:00', 'action': 'promote',
                     'checkpoint': '0123456789abcdef', 'before': None, 'because': ''}).encode()
_DROPPED = b'{"at_s": 1.5, "what": "drop", "name": "one", "why": "x", "replaced_by": ""}\n'
_TRIALS = (b'{"schema": "ilw.trials/1"}\n',
           b'{"pair": 0, "policy": "P0", "success": true, "stop_reason": "goal", "seed": 1}\n')
_JSON = (b'1' * 400, b'"\\ud800"', b'true', b'[1]',
         b'{"a":', b'[', b'NaN', b'null', b'"reasons"', b'"\\u202e"', b'1e999', b'../../x')
_PGM = (b'P5\n# by a saver\n4 3\n255\n' + bytes(range(0, 240, 20)),
        b'P2\n2 2\n255\n0 254\n205 0\n', b'P5\n2 2\n65535\n' + bytes(8))


def targets(folder: Path) -> list[Target]:
    """Return the targets; they write their inputs into an empty folder."""
    bag, killed = folder / 'sqlite' / 'one', folder / 'killed' / 'one'
    whole, (torn, journal, wal) = _database(folder / 'made'), _journals(folder / 'made')
    for each in (bag, killed):
        each.mkdir(parents=True)

    def sqlite_bag(data: bytes) -> None:
        (bag / 'one.db3').write_bytes(data)
        _read(bag)

    def in_journal(end: str) -> Callable[[bytes], None]:
        def run(data: bytes) -> None:
            shutil.rmtree(killed)
            killed.mkdir()
            (killed / 'one.db3').write_bytes(torn)
            (killed / f'one.db3{end}').write_bytes(data)
            _read(killed)
        return run

    def quality(data: bytes) -> None:
        (bag / 'one.db3').write_bytes(whole)
        (bag / 'quality.json').write_bytes(data)
        assert all(printable(reason).isprintable() for reason in read_episode(bag).suspect)

    def run_summary(data: bytes) -> None:
        (folder / 'training.json').write_bytes(data)
        (folder / 'metrics.jsonl').write_bytes(b'{"step": 1, "eval/success_rate": 0.5}\n')
        found = read_run(folder)
        _ = found.summary.success_ratio, (f'{found.summary.task:<14} '
                                          f'{found.summary.train_s:>7.1f}')

    def listed(data: bytes) -> None:
        (folder / 'listed').mkdir(exist_ok=True)
        (folder / 'listed' / 'training.json').write_bytes(data)
        (folder / 'listed' / 'metrics.jsonl').touch()
        _command('runs', str(folder / 'listed'))

    def log_of_dropped(data: bytes) -> None:
        (folder / 'demos' / BIN / 'one').mkdir(parents=True, exist_ok=True)
        (folder / 'demos' / BIN / 'log.jsonl').write_bytes(data)
        _command('episodes', 'list', str(folder / 'demos'), '--dropped')

    def trials(data: bytes) -> None:
        (folder / 'trials.jsonl').write_bytes(_TRIALS[0] + data)
        with TrialLog(folder / 'trials.jsonl', {}) as log:
            assert 0 <= log.counts(10).n <= 10

    def metrics(data: bytes) -> None:
        (folder / 'training.json').write_bytes(_RUN)
        (folder / 'metrics.jsonl').write_bytes(data)
        assert all(isinstance(x, (int, float)) for point in read_run(folder).curve('step')
                   for x in point)

    def history(data: bytes) -> None:
        store = Deployed(folder, 'deployed')
        store.folder.mkdir(exist_ok=True)
        (store.folder / 'history.jsonl').write_bytes(data)
        assert all('/' not in entry['checkpoint'] for entry in store.history())

    return [
        Target('sqlite_bag', sqlite_bag, (whole,), words=_SQL, weight=0.5),
        Target('sqlite_journal', in_journal('-journal'), (journal,), words=_SQL, weight=0.3),
        Target('sqlite_wal', in_journal('-wal'), (wal,), words=_SQL, weight=0.3),
        Target('quality_json', quality, (_QUALITY,), words=_JSON, weight=1),
        Target('training_json', run_summary, (_RUN,), words=_JSON, weight=1),
        Target('runs', listed, (_RUN, _RUN.replace(b'"bc"', b'null')), words=_JSON, weight=0.5),
        Target('dropped_jsonl', log_of_dropped, (_DROPPED,), words=_JSON, weight=0.5),
        Target('trials_jsonl', trials, (_TRIALS[1] * 2,), words=_JSON, weight=1),
        Target('metrics_jsonl', metrics, (b'{"step": 1, "eval/success_rate": 0.5}\n' * 3,),
               words=_JSON, weight=1),
        Target('history_jsonl', history, (_ENTRY + b'\n' + _ENTRY + b'\n',), words=_JSON,
               weight=1),
        *_maps(folder)]


def _command(*words: str) -> None:
    """Run a command; a refusal and wrong use are answers, anything else is raised."""
    with redirect_stdout(StringIO()):
        ilw.main(words, standalone_mode=False)


def _maps(folder: Path) -> list[Target]:
    seed = (config_folder() / 'maps' / 'office.yaml').read_bytes()
    (folder / 'office.pgm').write_bytes(_PGM[0])
    (folder / 'picture.yaml').write_bytes(seed.replace(b'office.pgm', b'picture.pgm'))

    def described(data: bytes) -> None:
        (folder / 'map.yaml').write_bytes(data)
        load_map(folder / 'map.yaml')

    def drawn(data: bytes) -> None:
        (folder / 'picture.pgm').write_bytes(data)
        found = load_map(folder / 'picture.yaml')
        assert set(found.cells.ravel().tolist()) <= {-1, 0, 100}

    return [
        Target('map_yaml', described, (seed,), weight=0.5,
               words=(b'image: ../../etc/passwd', b'image: /dev/zero', b'mode: raw', b'negate: 1',
                      b'resolution: 1.0e+308', b'origin: [.nan, 0, 0]')),
        Target('map_pgm', drawn, _PGM, weight=1,
               words=(b'999999999 999999999', b'P2', b'P5', b'#', b'65535', b'\x89PNG\r\n\x1a\n'))]


def _database(folder: Path) -> bytes:
    """Return a whole file."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / 'whole.db3')) as database:
        database.executescript(_SCHEMA)
        database.executemany('INSERT INTO messages VALUES (NULL, ?, ?, ?)', (
            (1 + i % 2, 1000 * i, bytes(100 + i)) for i in range(60)))
        database.commit()
    return (folder / 'whole.db3').read_bytes()


def _journals(folder: Path) -> tuple[bytes, bytes, bytes]:
    """Return a file as a killed writer leaves it, its rollback journal, and one's log."""
    file, found = folder / 'whole.db3', []
    for mode, end in (('DELETE', '-journal'), ('WAL', '-wal')):
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute(f'PRAGMA journal_mode = {mode}')
            database.execute('PRAGMA cache_size = 1')
            database.execute('BEGIN')
            database.execute('UPDATE messages SET data = zeroblob(200)')
            if mode == 'WAL':
                database.execute('COMMIT')
            found += [file.read_bytes(), Path(f'{file}{end}').read_bytes()]
    return found[0], found[1], found[3]


def _read(bag: Path) -> None:
    """Read all there is, also of what is damaged."""
    found = RawBag(bag, partial=True)
    size = sum(len(message.data) for message in found.messages())
    assert size <= sum(file.stat().st_size for file in bag.iterdir())
