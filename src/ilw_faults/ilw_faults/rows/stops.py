"""What drives is ended: by its client, its time, a signal, the end of who started it."""

from pathlib import Path
import random

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters

from ilw_faults.ends import CTRL_C, KINDS, LAUNCHER, SIGTERM, Ends
from ilw_faults.loop import LATENCY_S
from ilw_faults.row import Fault, Seen

_NODES_END = (CTRL_C, SIGTERM, LAUNCHER)


def _ended(kind: str) -> Fault:
    nodes_end = kind in _NODES_END
    expected = ('the last command is the stop action, no traceback, nothing left behind'
                if nodes_end else 'stop action within two periods, disarmed')

    def inject(folder: Path) -> Seen:
        drivers = ('person', 'policy') if nodes_end else ('policy',)
        with Ends(folder, random.Random(kind)) as scene:
            ends = [scene.end(kind, driver) for driver in drivers]
            heard = scene.spy.heard
        bound_s = 2 * scene.contract.period_ns / 1e9 + (0.5 if nodes_end else 3 * LATENCY_S)
        reactions = [end.reaction_s for end in ends if end.reaction_s is not None]
        wrong = [text for end in ends for text in (*end.trouble, *end.left)]
        ok = all(end.ok for end in ends) and len(reactions) == len(ends)
        slowest = max(reactions, default=None)
        text = 'never stopped' if slowest is None else (
            f'stop action after {1000 * slowest:.0f} ms (bound {1000 * bound_s:.0f})')
        text += f', {" and ".join(drivers)} driving; {heard} commands'
        if wrong:
            text += f'; WRONG: {wrong[0]} ({len(wrong)} in all)'
        return Seen(text, None if slowest is None else 1000 * slowest, 0,
                    ok and slowest is not None and slowest <= bound_s)

    return Fault(kind, expected, inject)


def _sim_time(folder: Path) -> Seen:
    with Ends(folder, random.Random(0)) as scene:
        scene.drive('person', everybody=True)
        reasons = []
        for node in ('arbiter', 'teleop', 'policy'):
            wanted = Parameter(name='use_sim_time', value=ParameterValue(
                type=ParameterType.PARAMETER_BOOL, bool_value=True))
            answer = scene.call(SetParameters, f'{node}/set_parameters',
                                SetParameters.Request(parameters=[wanted]))
            reasons += [r.reason for r in answer.results if not r.successful]
        before = scene.spy.heard
        scene.until(lambda: scene.spy.heard > before + 5, 5.0, 'more commands')
        moves, outside = scene.spy.moving(), scene.spy.outside()
        heard = scene.spy.heard
    told = all('Restart the node' in reason for reason in reasons)
    return Seen(f'{len(reasons)} of 3 nodes refused'
                f'{" and said why" if told else ", WITHOUT A REASON"}; '
                f'{"drove on" if moves else "STOOD"}; {heard} commands, {len(outside)} outside '
                f'limits', None, 0, len(reasons) == 3 and told and moves and not outside)


FAULTS = (
    *(_ended(kind) for kind in KINDS),
    Fault('use_sim_time set at run time', 'each node refuses, says why, and drives on', _sim_time),
)
