"""A joystick and its teleop node, in a network namespace of their own. Told to let go on stdin."""

import sys
import threading
import time

from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.processes import Fleet
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_faults.loop import DRIVE, TASK
from ilw_faults.nodes.spy import Spy
from ilw_teleop.joystick.layout import load_joystick


def main() -> None:
    """Drive until a line comes in, then let go of the deadman; lasts until it is killed."""
    with Fleet() as fleet:
        fleet.start([NodeSpec('ilw_teleop', 'teleop_node', 'teleop',
                              {'contract': TASK, 'use_sim_time': True})])
        spy = Spy(load_contract(config_file('tasks', TASK)),
                  load_joystick(config_file('joysticks', 'xbox')))
        spy.grip(60.0, **DRIVE)  # its clock is the robot's, which starts beside it

        def let_go() -> None:
            sys.stdin.readline()
            spy.hold()

        threading.Thread(target=let_go, daemon=True).start()
        while True:
            time.sleep(1.0)


if __name__ == '__main__':
    main()
