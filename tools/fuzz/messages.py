"""What arrives over topics and services, as the cores of the nodes get it. No ROS."""

from collections.abc import Callable
import json
import math
from pathlib import Path
import random
import struct
from types import SimpleNamespace as Plain

import numpy as np

from fuzz.target import Pieces, Target
from ilw_core.contract.file import Contract, load_contract
from ilw_core.policy_loop import PolicyLoop
from ilw_core.storage.locate import config_file
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.stick import Stick
from ilw_sim.lockstep import CommandGate
from ilw_sim.simulation import Simulation
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.stamps import MAX_LEAD_NS, LogClock, believable
from ilw_teleop.guards.forward_stop import ForwardStop
from ilw_teleop.joystick.fit import Device, fitting_device, why_not, why_not_device
from ilw_teleop.joystick.layout import BUTTON_CONTROLS, known_joysticks, load_joystick
from ilw_teleop.joystick.pad import Pad
from ilw_teleop.joystick.teleop import Teleop
from ilw_teleop.recording.gate import header_stamp_ns

_NOW_NS = 1_000_000_000_000
_NO_DISTANCES = (math.nan, -math.inf, 0.0, -0.0, -1.0, 0.05, 1e6, 3.4e38)
_DRIVER_SAYS = ('angle_min', 'angle_max', 'angle_increment', 'range_min', 'range_max')
_STATE_WORDS = (b'"seed": -1', b'"actions": []', b'1e999', b'null', b'[' * 3000, b'-1',
                b'9' * 5000)


def targets(folder: Path) -> list[Target]:
    """Return the targets; the folder is not used."""
    contract = load_contract(config_file('tasks', 'clutter'))
    rng = random.Random(0)
    noise = (*(rng.randbytes(n) for n in (40, 100, 300)), b'', bytes(100))
    simulation = Simulation(contract)
    simulation.reset(1)
    simulation.step(np.array([0.3, 0.1]))
    state = json.dumps(simulation.state()).encode()

    def sim_state(data: bytes) -> None:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):  # as in the node
            return
        if isinstance(found, dict):
            simulation.set_state(found, 0)

    return [
        Target('joy', _joy(contract), noise, (), weight=20),
        Target('foreign_pads', _foreign_pads(contract), noise, (), weight=8),
        Target('gamepads', _gamepads, noise, (), weight=1),
        Target('requests', _requests(contract), noise, (), weight=3),
        Target('scans', _scans(contract), noise, (), weight=3),
        Target('observations', _observations(contract), noise, (), weight=4),
        Target('maps', _maps(contract), noise, (), weight=1.5),
        Target('commands', _commands(contract), noise, (), weight=16),
        Target('raw_bytes', _raw_bytes, noise, (), weight=20),
        Target('sim_state', sim_state, (state,), words=_STATE_WORDS, weight=0.15),
    ]


def _joy(contract: Contract) -> Callable[[bytes], None]:
    layout, action = load_joystick(config_file('joysticks', 'xbox')), contract.action

    def run(data: bytes) -> None:
        teleop, pieces, now = Teleop(contract, layout, timeout_ns=200_000_000), Pieces(data), 0
        for kind in pieces:
            now += 20_000_000
            if kind < 30:
                teleop.on_tick(now, now)
                continue
            buttons = [pieces.whole() for _ in range(pieces.byte() % 20)]
            sample = teleop.on_sample(now, pieces.numbers(20), buttons)
            assert np.isfinite(sample.values).all()
            assert np.all((sample.values >= action.low) & (sample.values <= action.high))
    return run


def _foreign_pads(contract: Contract) -> Callable[[bytes], None]:
    """Any pad under any layout: one that does not fit makes nothing but a stop."""
    known = known_joysticks()
    names = sorted(known)

    def run(data: bytes) -> None:
        pieces, now = Pieces(data), 0
        layout = known[names[pieces.byte() % len(names)]]
        teleop = Teleop(contract, layout, timeout_ns=200_000_000, known=known)
        let_go = False
        for kind in pieces:
            now += 20_000_000
            axes, buttons = known[names[kind % len(names)]].at_rest()
            if kind < 60:
                axes = [pieces.byte() / 127.5 - 1.0 for _ in range(pieces.byte() % 10)]
                buttons = [pieces.byte() % 2 for _ in range(pieces.byte() % 24)]
            for _ in range(kind % 3):
                if axes:
                    axes[pieces.byte() % len(axes)] = pieces.byte() / 127.5 - 1.0
                if buttons:
                    buttons[pieces.byte() % len(buttons)] = pieces.byte() % 2
            sample = teleop.on_sample(now, axes, buttons)
            fits = not why_not(layout, axes, buttons)
            let_go = fits and (let_go or not layout.pressed('deadman', axes, buttons))
            if not fits:
                assert set(sample.presses) <= {'estop'}, sample
                assert teleop.why or not (axes or buttons)
            if not let_go:
                assert not sample.active
                assert not sample.override
    return run


def _gamepads(data: bytes) -> None:
    """Any Linux device under any layout: why it does not fit is a sentence, what fits is read."""
    known, pieces = known_joysticks(), Pieces(data)
    layout = known[sorted(known)[pieces.byte() % len(known)]]
    axis_codes = sorted((layout.axis_codes or {}).values())
    key_codes = sorted((layout.button_codes or {}).values()) + list(layout.spare_codes)
    axes = {code: (0, 255) for code in axis_codes}
    keys = set(key_codes)
    for kind in pieces:
        if kind < 90:
            axes[pieces.byte() % 0x40] = (pieces.whole(), pieces.whole())
        elif kind < 130:
            axes.pop(pieces.byte() % 0x20, None)
        elif kind < 180:
            keys ^= {0x100 + pieces.byte()}
        else:
            break
    device = Device('pad' if pieces.byte() < 99 else pieces.text(layout.device_names or ('pad',)),
                    axes, frozenset(keys), bus=pieces.byte() % 7, vendor=pieces.byte() * 5,
                    product=pieces.byte(), values={code: pieces.whole() for code in axes})
    fits = not why_not_device(layout, device)
    assert fits == (layout.name in fitting_device(known, device))
    if fits:
        assert set(axis_codes) <= set(axes)
        assert set(key_codes) <= keys
        pad = Pad(layout, axes)
        pad.set_state(device.values, [])
        assert not why_not(layout, pad.axes, pad.buttons)
        assert not any(layout.pressed(control, pad.axes, pad.buttons)
                       for control in BUTTON_CONTROLS)


def _requests(contract: Contract) -> Callable[[bytes], None]:
    action = contract.action

    def run(data: bytes) -> None:
        arbiter, pieces, now = Arbiter(contract, armed=True), Pieces(data), _NOW_NS
        assert arbiter.ahead is not None
        before = arbiter.decide(now, now).applied
        for _ in pieces:
            now += pieces.byte() * 2_000_000
            arbiter.ahead.see(now, np.full(36, 9.0), 0.0, math.pi / 18, 0.1, 10.0)
            horizon = pieces.whole() if pieces.byte() < 50 else 1
            values = pieces.numbers(8) if pieces.byte() < 100 else [pieces.number() for _ in '12']
            arbiter.offer(Request(
                pieces.byte() % 4, pieces.stamp_ns(now), pieces.byte() < 220,
                pieces.text((contract.hash,)), action.names if pieces.byte() < 240 else [],
                pieces.number() if pieces.byte() < 50 else 0.1, horizon, values, '',
                pieces.stamp_ns(now) if pieces.byte() < 99 else 0, pieces.byte() < 20), now, now)
            applied = arbiter.decide(now, now).applied
            assert np.all((applied >= action.low) & (applied <= action.high)), applied
            assert np.all((np.abs(applied) <= np.abs(before)) | (
                np.abs(applied - before) <= action.max_rate * 0.6 + 1e-6)), (before, applied)
            arbiter.due(now, now)
            arbiter.chunk_due(now)
            before = applied
    return run


def _scan(pieces: Pieces) -> Plain:
    ranges = np.resize(np.array(pieces.numbers(40) or [math.nan]), pieces.byte() * 3)
    with np.errstate(over='ignore'):
        return Plain(ranges=ranges.astype(np.float32), angle_min=pieces.number(),
                     angle_max=pieces.number(), angle_increment=pieces.number() / 8,
                     range_min=pieces.number(), range_max=pieces.number() * 3)


def _room(pieces: Pieces) -> tuple[Plain, Plain]:
    """Return a scan of a room with a wall ahead, and the same spoilt as no honest driver could."""
    step, away = math.pi / 180, (0.3, 1.0, 2.0, 1.0)
    angles = step * np.arange(360) - math.pi
    with np.errstate(divide='ignore'):
        met = np.stack([far / np.cos(angles - k * math.pi / 2) for k, far in enumerate(away)])
    ranges = np.where(met > 0.0, met, np.inf).min(axis=0)
    honest = Plain(ranges=ranges, angle_min=-math.pi, angle_max=math.pi - step,
                   angle_increment=step, range_min=0.1, range_max=8.0)
    spoilt = Plain(**vars(honest))
    for _ in range(1 + pieces.byte() % 3):
        kind = pieces.byte() % 8
        if kind < 4:
            first, count = pieces.byte() * 2, 1 + pieces.byte() * 2
            where = (np.arange(360) - first) % 360 < count
            spoilt.ranges = np.where(where[:len(spoilt.ranges)],
                                     _NO_DISTANCES[pieces.byte() % 8], spoilt.ranges)
        elif kind == 4:
            spoilt.ranges = spoilt.ranges[:pieces.byte() * 2]
        elif kind == 5:
            spoilt.ranges = spoilt.ranges * 1000.0
        else:
            name = _DRIVER_SAYS[pieces.byte() % len(_DRIVER_SAYS)]
            setattr(spoilt, name, pieces.number())
    return honest, spoilt


def _scans(contract: Contract) -> Callable[[bytes], None]:
    action = contract.action

    def never_faster(honest: Plain, spoilt: Plain, kind: int) -> None:
        wanted, speeds = np.array([action.high[0], 0.0]), []
        for last in (honest, spoilt):
            ahead = ForwardStop(contract)
            for at, scan in enumerate((honest, last) if kind % 2 else (last,)):
                ahead.see(_NOW_NS + at, scan.ranges, scan.angle_min, scan.angle_increment,
                          scan.range_min, scan.range_max, scan.angle_max)
            speeds.append(ahead.slow(wanted, _NOW_NS + 1)[0][0])
        # Angles may be off by as much as drivers round them.
        assert speeds[1] <= speeds[0] + 0.02, (speeds, vars(spoilt))

    def run(data: bytes) -> None:
        ahead, pieces, now = ForwardStop(contract), Pieces(data), _NOW_NS
        for kind in pieces:
            now += 50_000_000
            if kind < 128:
                never_faster(*_room(pieces), kind)
                continue
            scan = _scan(pieces)
            ahead.see(now - pieces.whole() % 10 ** 9, scan.ranges, scan.angle_min,
                      scan.angle_increment, scan.range_min, scan.range_max,
                      scan.angle_max if kind < 200 else None)
            ahead.place(now, pieces.number(), pieces.number(), pieces.number())
            for wanted in (action.high, action.low):
                slowed, _ = ahead.slow(wanted, now)
                assert np.all(np.abs(slowed) <= np.abs(wanted)), slowed
    return run


def _odometry(pieces: Pieces) -> Plain:
    def vector(names: str) -> Plain:
        return Plain(**{name: pieces.number() for name in names})

    return Plain(pose=Plain(pose=Plain(position=vector('xyz'), orientation=vector('xyzw'))),
                 twist=Plain(twist=Plain(linear=vector('xyz'), angular=vector('xyz'))))


def _observations(contract: Contract) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        loop, pieces, now = PolicyLoop(contract), Pieces(data), _NOW_NS
        for kind in pieces:
            now += 30_000_000
            stamp = pieces.stamp_ns(now)
            if kind % 4 == 0:
                loop.push('lidar', stamp, _scan(pieces))
            elif kind % 4 == 1:
                loop.push('velocity', stamp, _odometry(pieces))
            elif kind % 4 == 2:
                loop.push('goal', stamp, _odometry(pieces).pose)
            else:
                loop.restart(stamp)
            for found in (loop.poll(), loop.overdue(now)):
                assert found is None or np.isfinite(found.values).all()
    return run


def _maps(contract: Contract) -> Callable[[bytes], None]:
    stick = Stick(config_file('joysticks', 'xbox'))

    def run(data: bytes) -> None:
        driver = StickDriver(contract, stick, seed=0, imperfection=1.0)
        pieces, now = Pieces(data), _NOW_NS
        for kind in pieces:
            now += 100_000_000
            if kind % 4 == 0:
                shape = pieces.byte() % 24, pieces.byte() % 24
                cells = [pieces.byte() - 128 for _ in range(pieces.byte())]
                cells = list(np.resize(cells or [0], shape[0] * shape[1]))
                driver.on_map(now, cells[:-1] if kind > 230 else cells, shape, pieces.number(),
                              (pieces.number(), pieces.number()))
            elif kind % 4 == 1:
                driver.on_goal(now, (pieces.number(), pieces.number()))
            pressed = driver.look(pieces.stamp_ns(now),
                                     (pieces.number(), pieces.number(), pieces.number()))
            assert pressed is None or all(abs(axis) <= 1.0 for axis in pressed[0]), pressed
    return run


def _commands(contract: Contract) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        gate, pieces, now = CommandGate(contract, 0.5), Pieces(data), _NOW_NS
        for _ in pieces:
            now += 100_000_000
            values = pieces.numbers(4) if pieces.byte() < 80 else [pieces.number(), 0.1]
            gate.offer(pieces.stamp_ns(now), now, values)
            assert np.isfinite(gate.action(now)).all()
            # Whatever came, a plant that hears no more stops.
            assert not gate.action(now + 1_100_000_000).any()
    return run


def _raw_bytes(data: bytes) -> None:
    """What the recorder reads out of messages that it does not decode."""
    log, last = LogClock(), -1
    for i in range(0, min(len(data), 1600), 16):
        stamp = header_stamp_ns(data[i:i + 16])
        assert abs(believable(stamp, _NOW_NS) - _NOW_NS) <= MAX_LEAD_NS
        now = log.stamp_ns(max(0, stamp))
        struct.pack('<Q', now)  # as it goes into the bag
        assert now != last
        last = now
