"""
The first thing that a job's process does: it gives way to the cockpit, and ends with it.

Run as ``python -P -m ilw_web.jobs.leash PARENT WORDS``; goes on as ``./ilw WORDS``.
"""

import ctypes
import os
import runpy
import signal
import sys

NICE = 10
"""A job computes in the time that nodes leave"""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Go on as the command line."""
    parent = int(sys.argv.pop(1))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended meanwhile
        sys.exit(1)
    os.nice(NICE)
    runpy.run_module('ilw_bringup.cli', run_name='__main__', alter_sys=True)


if __name__ == '__main__':
    main()
