"""The robot's half of the loop, in a network namespace of its own. Told what to do on stdin."""

from dataclasses import asdict, dataclass
import json
from pathlib import Path
import sys
import time

from ilw_core.text.terminal import echo
from ilw_faults.loop import Loop


@dataclass(frozen=True)
class LossSeen:
    """How the robot took the loss: the last line that is said; as it is here, nothing was said."""

    commands: int = 0
    """That came while packets were lost; ``moving``: that were no stop"""
    moving: int = 0
    stopped_ms: float | None = None
    """From the release of the deadman to the stop action; ``None``: it never came"""
    outside: int | None = None
    """Commands outside limits"""
    lost: int = -1
    """Saved episodes that are gone"""


def main() -> None:
    """
    Say ``driving`` when the far joystick drives; then judge how the robot took the loss.

    Says ``deaf``, and ends, where nothing comes through between the two.
    """
    with Loop(Path(sys.argv[1]), with_teleop=False) as loop:
        loop.spy.plugged = False
        if not loop.spy.teleop_heard.wait(30.0):
            echo('deaf')
            return
        loop.until(loop.spy.moving, 40.0, 'the far joystick')
        loop.save_an_episode()
        loop.until(loop.spy.moving, 20.0, 'the far joystick')
        begin = time.monotonic()
        echo('driving')
        sys.stdin.readline()
        at = time.monotonic()
        time.sleep(1.5)
        stopped = loop.spy.stopped_at(at)
        during = [c for c in loop.spy.commands if begin <= c.at_s < at]
        echo(json.dumps(asdict(LossSeen(
            commands=len(during), moving=sum(bool(c.values.any()) for c in during),
            stopped_ms=None if stopped is None else round(1000 * (stopped - at), 1),
            outside=len(loop.spy.outside()), lost=loop.lost()))))


if __name__ == '__main__':
    main()
