"""No node that commands or is commanded shares memory with others: its readers cannot block it."""

from pathlib import Path

from ilw_faults.loop import Loop


def maps_ports(pid: int) -> bool:
    """Tell whether a process has opened a port in the shared memory of Fast DDS."""
    return '/dev/shm/fastrtps_port' in Path(f'/proc/{pid}/maps').read_text()


def test_only_the_recorder_hears_by_shared_memory(tmp_path):
    with Loop(tmp_path, with_policy=True) as loop:
        loop.drive()
        loop.save_an_episode()
        found = {name for name in loop.specs if maps_ports(loop.fleet.pid(name))}
    assert found == {'recorder'}
