"""A recorder without ROS that records, saves and discards all the time, until it is killed.

Reads ``folder seed`` from standard input and forks a recorder for each line; says its process id,
then, once it is dead, ``dead``. The recorder tells in ``folder/said.jsonl`` what it has done.
"""

import json
import os
from pathlib import Path
import random
import sys
import time

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_data.bag.writer import WrittenTopic
from ilw_teleop.recording.episode_store import EpisodeStore
from ilw_teleop.recording.recorder import Recorder
from ilw_teleop.recording.salvage import salvage
from ilw_teleop.recording.words import Wish

TOPIC = WrittenTopic('/joints', 'pkg/msg/Any', 'uint8 x')
OTHERS = {name: WrittenTopic(f'/{name}', 'pkg/msg/Any', 'uint8 x') for name in ('scan', 'odom')}


def main():
    """Fork a recorder for each line."""
    contract = load_contract(config_file('tasks', 'clutter'))
    for line in sys.stdin:
        folder, seed = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                record(contract, Path(folder), random.Random(int(seed)))
            finally:
                os._exit(3)  # it never ends by itself
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print('dead', flush=True)


def record(contract, folder, rng):
    """Record one episode after the other."""
    said = os.open(folder / 'said.jsonl', os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(**what):
        os.write(said, json.dumps(what).encode() + b'\n')

    store = EpisodeStore(folder, contract.name)
    salvage(store)
    recorder = Recorder(contract, store, {})
    recorder.gate.published = dict(contract.topics)
    say(at_s=time.monotonic(), what='up')
    while True:
        now = time.time_ns()
        for name, topic in OTHERS.items():
            recorder.take(topic, name, _message(now, 0), log_ns=now, publish_ns=now, hold=False,
                          stamped=True)
        refusal, why, episode = recorder.start(Wish(), now, time.monotonic_ns(), paused=False)
        assert not refusal, why
        say(at_s=time.monotonic(), what='begun', episode=episode)
        sent = _drive(recorder, 0.05 * rng.random() if rng.random() < 0.6 else 2 * rng.random(),
                      say)
        keep = rng.random() < 0.7
        recorder.stop(1, 'goal', time.time_ns(), time.monotonic_ns(), keep=keep)
        say(at_s=time.monotonic(), what='stopping', episode=episode)
        ending = None
        while ending is None:
            ending = recorder.poll(time.time_ns(), time.monotonic_ns())
            time.sleep(0.0005)
        say(at_s=time.monotonic(), what='saved' if keep else 'discarded', episode=episode,
            path=ending.path, messages=sent)


def _drive(recorder, seconds, say):
    """Send numbered messages; returns how many."""
    begin, number = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        now = time.time_ns()
        recorder.take(TOPIC, 'joints', _message(now, number), log_ns=now, publish_ns=now,
                      hold=False, stamped=True)
        number += 1
        if number % 50 == 0:
            say(at_s=time.monotonic(), what='sent', number=number,
                episode=recorder.attempt.episode)
        time.sleep(0.001)
    return number


def _message(stamp_ns, number):
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return (b'\x00\x01\x00\x00' + sec.to_bytes(4, 'little') + nanosec.to_bytes(4, 'little')
            + number.to_bytes(4, 'little'))


if __name__ == '__main__':
    main()
