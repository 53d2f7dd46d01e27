"""The gap for people: pictures, and one HTML page that holds them."""

import base64
import html
from pathlib import Path

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.storage.figure_file import png_of, pyplot
from ilw_core.storage.files import write_file
from ilw_core.text.printable import printable
from ilw_sysid.gap.compare import Gap
from ilw_sysid.gap.finding import GapFinding
from ilw_sysid.gap.observations import Shift
from ilw_sysid.identify.report import draw_way

plt = pyplot()

_COLOURS = {'bad': '#b00020', 'warn': '#b36b00', 'ok': '#2e7d32'}
_ORDER = ('bad', 'warn', 'ok')
_MOST = 24
_CAPTIONS = {
    'replay.png': 'The commands of the real bag, driven by each plant: the way in metres; beside '
                  'it the error of the position, in metres, and of the heading, in radians.',
    'observations.png': 'Every number has the scale of its own range in the contract, which '
                        'stands beside its name: 0 is the lower end, 1 the upper.'}


def ordered(findings: tuple[GapFinding, ...]) -> list[GapFinding]:
    """Return findings, the worst first."""
    return sorted(findings, key=lambda f: _ORDER.index(f.level))


def write(folder: Path, gap: Gap, contract: Contract, sim: Path, real: Path) -> list[Path]:
    """
    Write ``gap.html`` and its pictures as PNG; return what was written.

    :param sim: the bag called *simulated* throughout; ``real`` likewise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {}
    if gap.drive is not None and gap.replays:
        pictures['replay.png'] = _replay_picture(gap)
    if gap.shifts:
        pictures['observations.png'] = _shift_picture(gap.shifts, contract)
    written = []
    for name, data in pictures.items():
        write_file(folder / name, data)
        written.append(folder / name)
    write_file(folder / 'gap.html', _page(gap, contract, sim, real, pictures))
    return [*written, folder / 'gap.html']


def escape(text: str) -> str:
    """Return a text as HTML shows it; what shows nothing, as its code."""
    return html.escape(printable(text))


def _page(gap: Gap, contract: Contract, sim: Path, real: Path, pictures: dict[str, bytes]) -> str:
    title = f'{contract.name}: {sim.name} (simulated) beside {real.name} (real)'
    bags = ''.join(f'<tr><td><b>{side}</b></td><td>{escape(str(path))}</td></tr>\n'
                   for side, path in (('simulated', sim), ('real', real)))
    rows = ''.join(
        f'<tr><td style="color:{_COLOURS[f.level]}"><b>{f.level}</b></td>'
        f'<td>{escape(f.topic)}</td><td>{escape(f.what)}</td><td>{escape(f.next_step)}</td></tr>\n'
        for f in ordered(gap.findings))
    images = ''.join(
        f'<h2>{escape(Path(name).stem)}</h2>\n<p>{escape(_CAPTIONS[name])}</p>\n'
        f'<img style="max-width:100%" alt="{escape(name)}" '
        f'src="data:image/png;base64,{base64.b64encode(data).decode()}">\n'
        for name, data in pictures.items())
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
            '</title>\n<style>body{font-family:sans-serif;max-width:75em;margin:2em auto}td,th{'
            'text-align:left;vertical-align:top;padding:.3em .8em;border-bottom:1px solid #ddd}'
            f'</style></head>\n<body><h1>{escape(title)}</h1>\n<table>{bags}</table>\n<table><tr><th></th><th>what</th>'
            f'<th>simulated and real</th><th>next</th></tr>\n{rows}</table>\n{images}'
            '</body></html>\n')


def _replay_picture(gap: Gap) -> bytes:
    figure, axes = plt.subplots(1, 3, figsize=(16.0, 5.0))
    assert gap.drive is not None
    draw_way(axes[0], gap.drive, gap.replays)
    since_s = gap.drive.odom_s - gap.drive.odom_s[0]
    for name, each in gap.replays.items():
        axes[1].plot(since_s, each.error_m, label=name)
        axes[2].plot(since_s, np.abs(each.heading_error_rad), label=name)
    for axis, text in zip(axes[1:], ('position error [m]', 'heading error [rad]'), strict=True):
        axis.set_xlabel('time [s]')
        axis.set_ylabel(text)
        axis.legend(frameon=False)
    return png_of(figure, dpi=90)


def _shift_picture(shifts: tuple[Shift, ...], contract: Contract) -> bytes:
    """Draw each number on its own range of the contract, so that no axis mixes units."""
    bounds = _bounds(shifts, contract)
    known = sorted((s for s in shifts if np.isfinite(s.distance)), key=lambda s: -s.distance)
    shown = known[:_MOST] or list(shifts[:_MOST])
    figure, axes = plt.subplots(1, 2, figsize=(14.0, 1.5 + 0.3 * len(shown)), sharey=True)
    at = np.arange(len(shown))[::-1]
    for side, label, colour, up in (('sim', 'simulated', 'tab:blue', 0.15),
                                    ('real', 'real', 'tab:orange', -0.15)):
        low, middle, high = np.array([
            (np.array(getattr(s, side)) - bounds[s.name][0])
            / (bounds[s.name][1] - bounds[s.name][0]) for s in shown]).T
        axes[0].hlines(at + up, low, high, color=colour, label=label)
        axes[0].plot(middle, at + up, 'o', color=colour, markersize=3)
    axes[0].set_yticks(at, [f'{s.name} ({bounds[s.name][0]:g} to {bounds[s.name][1]:g}'
                            f'{bounds[s.name][2]})' for s in shown])
    axes[0].set_xlabel("part of the contract's range: 5 to 95 % of the values, and their median")
    axes[0].axvspan(0.0, 1.0, color='0.95', zorder=0)
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(frameon=False)
    axes[1].barh(at, [s.distance if np.isfinite(s.distance) else 0.0 for s in shown], color='0.6')
    axes[1].set_xlim(0.0, 1.0)
    axes[1].set_xlabel("Kolmogorov's distance of the distributions")
    return png_of(figure, dpi=90)


def _bounds(shifts: tuple[Shift, ...],
            contract: Contract) -> dict[str, tuple[float, float, str]]:
    """Return low, high and unit of each shift, by name; observations bear theirs in the name."""
    action = contract.action
    rows = [*zip(contract.obs_low, contract.obs_high, [''] * contract.obs_dim, strict=True),
            *zip(action.low, action.high, (f' {unit}' for unit in action.units), strict=True)]
    return {shift.name: (float(low), float(high), unit)
            for shift, (low, high, unit) in zip(shifts, rows, strict=True)}
