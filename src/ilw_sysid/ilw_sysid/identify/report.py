"""An identified base for people: a table, a picture."""

from pathlib import Path

import numpy as np

from ilw_core.base.plant_response import respond
from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_sysid.identify.drive import Drive
from ilw_sysid.identify.replay import Replay
from ilw_sysid.identify.result import Identified

plt = pyplot()

_LONGEST_S = 40.0


def table(found: Identified) -> str:
    """Return the numbers as lines of text."""
    lines = [f'{"":<22}{"value":>10}   95 % interval']
    for name, e in found.estimates.items():
        interval = f'{e.low:.4g} to {e.high:.4g}' if e.high > e.low else 'fixed'
        lines.append(f'{name:<22}{e.value:>10.4g}   {interval:<22} '
                     f'{"" if e.known else "NOT KNOWN: "}{e.reason}')
    figures = found.excitation
    lines.append(f'{figures.length_s:.0f} s, of which {figures.moving_s:.0f} s in motion, '
                 f'{figures.distance_m:.1f} m; {figures.steps[0]} steps of speed, '
                 f'{figures.steps[1]} of turning; left unexplained: {found.rms[0]:.3g} m/s, '
                 f'{found.rms[1]:.3g} rad/s.')
    return '\n'.join(lines)


def draw(path: Path, drive: Drive, found: Identified, replays: dict[str, Replay],
         judged: Drive) -> None:
    """
    Save a picture: speeds beside the model's, and where the replays of a drive went.

    :param replays: name -> replay on ``judged``.
    """
    figure, axes = plt.subplot_mosaic([['v', 'v', 'way'], ['w', 'w', 'error']],
                                      figsize=(15.0, 7.5))
    busy = drive.odom_s[np.abs(drive.speeds).max(axis=1) > 0.02]
    begin_s = float(busy[0]) - 1.0 if len(busy) else 0.0
    rows = (drive.odom_s >= begin_s) & (drive.odom_s <= begin_s + _LONGEST_S)
    at_s = drive.odom_s[rows]
    model = respond(found.plant, drive.command_s, drive.commands, at_s)
    sent = (drive.command_s >= at_s[0]) & (drive.command_s <= at_s[-1])
    for axis, (name, text) in enumerate((('v', 'forward [m/s]'), ('w', 'turn [rad/s]'))):
        axes[name].step(drive.command_s[sent], drive.commands[sent, axis], where='post',
                        color='0.7', linewidth=0.8, label='command')
        axes[name].plot(at_s, drive.speeds[rows, axis], '.', markersize=2, label='odometry')
        axes[name].plot(at_s, model[:, axis], linewidth=1.0, label='model')
        axes[name].set_ylabel(text)
    axes['v'].legend(frameon=False)
    axes['w'].set_xlabel('time [s]')
    draw_way(axes['way'], judged, replays)
    for name, each in replays.items():
        axes['error'].plot(judged.odom_s, each.error_m, label=name)
    axes['error'].set_xlabel('time [s]')
    axes['error'].set_ylabel('position error of the replay [m]')
    figure.tight_layout()
    save_figure(figure, path, dpi=100)
    plt.close(figure)


def draw_way(axis: plt.Axes, drive: Drive, replays: dict[str, Replay]) -> None:
    """Draw where odometry went, and where each replay did."""
    axis.plot(*drive.poses[:, :2].T, color='0.2', linewidth=2.0, label='odometry')
    for name, each in replays.items():
        axis.plot(*each.path[:, :2].T, linewidth=1.2, label=name)
    axis.set_aspect('equal', 'datalim')
    axis.set_xlabel('x [m]')
    axis.set_ylabel('y [m]')
    axis.legend(frameon=False)
