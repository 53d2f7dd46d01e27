"""kill -9 of any one node while recording: at most that episode suffers, the loop goes on."""

import os
import signal
import threading

from mcap.reader import make_reader
import pytest

from ilw_bringup.demo import Demo, DemoOptions
from ilw_bringup.session import Session


@pytest.mark.slow  # the fault matrix kills each of them, too, but the expert
@pytest.mark.parametrize('victim', ['sim', 'recorder', 'teleop', 'arbiter', 'expert'])
def test_recording_survives_the_death_of_a_node(tmp_path, victim):
    done, said = [], []
    struck = threading.Event()

    def strike(what, count, total):
        done.append(count)
        if count == 1 and not struck.is_set():
            struck.set()
            pid = demo.fleet.pid(victim)
            threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()  # mid-episode

    demo = Demo(DemoOptions(task='clutter', episodes=3, runs=tmp_path, say=said.append,
                            progress=strike))
    with demo.fleet, Session(demo.still_alive) as session:
        demo.fleet.start(demo.loop_nodes())
        demo.record(session)
        session.wait_for(lambda: session.status is not None, 5.0, 'the status')
        status = session.status
    assert demo.fleet.restarts == 1, said
    saved = sorted((demo.folder / 'demos' / 'clutter').glob('2*'))
    assert len(saved) >= 3
    assert status.attempted == (status.saved + status.discarded + status.failed
                                + status.recovered)
    for folder in saved:
        bag = next(folder.glob('*.mcap'))
        with bag.open('rb') as stream:
            assert sum(1 for _ in make_reader(stream).iter_messages()) > 0, folder
        assert (folder / 'episode.json').is_file()
        assert (folder / 'metadata.yaml').is_file()
