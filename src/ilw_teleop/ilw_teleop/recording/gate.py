"""Is every topic of the contract there, and is the episode fit to train from?"""

import math
import struct
from typing import Any

from ilw_core.contract.command_topic import same_command
from ilw_core.contract.field_path import follow, steps_of
from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError
from ilw_core.features.glance import Glance, glance_at, series_problems
from ilw_data.bag.writer import WrittenTopic
from ilw_teleop.recording.idle_watch import IdleWatch
from ilw_teleop.recording.message_reader import MessageReader, content_of
from ilw_teleop.recording.stream_watch import LOOK_NS, StreamWatch, limits_of

FRESH_NS = 1_000_000_000
"""A sensor is stale when its newest message is older: slow sensors send at 1 Hz or more"""
LEAP_NS = 500_000_000
"""Simulated time that passes at once: it became known, or a new world began"""
_STAMP = struct.Struct('<iI')  # of a CDR message that begins with a Header; 4 bytes of preamble
_STAMP_BIG = struct.Struct('>iI')


def header_stamp_ns(data: bytes) -> int:
    """Return the stamp of a serialized message that begins with a ``std_msgs/Header``."""
    if len(data) < 12:
        return 0
    sec, nanosec = (_STAMP if data[1] & 1 else _STAMP_BIG).unpack_from(data, 4)
    return sec * 1_000_000_000 + nanosec


class RecordingGate:
    """
    Watches the topics of a contract, by relative name.

    :param same_clock: sender and receiver live on one simulated clock.
    """

    def __init__(self, contract: Contract, *, same_clock: bool = True) -> None:
        limits = limits_of(contract)
        self.topics = {name: StreamWatch(kind, limits[name])
                       for name, kind in contract.topics.items()}
        self.published: dict[str, str] = {}
        """Topic -> type, of those that have a publisher"""
        self._same_clock = same_clock
        self._commands = {command.topic: command for command in contract.action.commands}
        self._told = [math.nan] * contract.action.dim
        """(Da,) the newest of every command; NaN of one that has not come"""
        self._between_ns = contract.period_ns // 2
        self._idle = IdleWatch(contract.action)
        self._glances: dict[str, list[Glance | None]] = {
            source.topic: [] for source in contract.images}
        self._reader = MessageReader()
        self._ended_ns: int | None = None
        self._after_ns = 0
        self._now_ns: int | None = None

    def begin(self, now_ns: int) -> None:
        """Begin to judge an episode."""
        for watch in self.topics.values():
            watch.begin(now_ns)
        self._idle.begin()
        self._forget_pictures()
        self._ended_ns, self._after_ns = None, 0

    def restart(self, stamp_ns: int) -> None:
        """Judge only what is stamped from here on: the simulator began a new world."""
        for watch in self.topics.values():
            watch.restart()
        self._idle.begin()
        self._forget_pictures()
        self._after_ns = stamp_ns

    def end(self, now_ns: int) -> None:
        """Note that the episode has ended."""
        self._ended_ns = now_ns

    def heard(self, name: str, topic: WrittenTopic, data: bytes, now_ns: int) -> None:
        """Note that a message came, recording or not."""
        self._pass(now_ns)
        watch = self.topics.get(name)
        if watch is not None:
            if watch.newest_ns is None:
                self._reader.read(topic, data)  # the first takes 0.1 s: best before the first take
            watch.newest_ns, watch.carried = now_ns, False

    def _pass(self, now_ns: int) -> None:
        """Let time go on: nobody was silent in what it leaps over, once for each message."""
        leap_ns = now_ns - self._now_ns if self._now_ns is not None else 0
        self._now_ns = now_ns
        if self._same_clock and leap_ns > LEAP_NS:
            for watch in self.topics.values():
                if watch.newest_ns is not None and not watch.carried:
                    watch.newest_ns, watch.carried = watch.newest_ns + leap_ns, True

    def take(self, name: str, topic: WrittenTopic, data: bytes, stamp_ns: int,
             now_ns: int) -> None:
        """
        Judge one recorded message of a contract topic.

        :param stamp_ns: of its header; ``now_ns`` where it has none.
        """
        watch = self.topics[name]
        watch.take(stamp_ns, now_ns)
        if stamp_ns < self._after_ns:
            watch.restart()
        elif name in self._commands:
            if stamp_ns - watch.looked_ns >= self._between_ns:
                watch.looked_ns = stamp_ns
                self._on_command(name, topic, data, stamp_ns)
        elif watch.limits.sensor and stamp_ns - watch.looked_ns >= LOOK_NS:
            watch.looked_ns = stamp_ns
            message = self._reader.read(topic, data)
            watch.look(content_of(message), stamp_ns, driven=self._idle.moving)
            if name in self._glances:
                self._glances[name].append(None if message is None else glance_at(message))

    def _forget_pictures(self) -> None:
        for glances in self._glances.values():
            glances.clear()

    def _on_command(self, name: str, topic: WrittenTopic, data: bytes, stamp_ns: int) -> None:
        message, command = self._reader.read(topic, data), self._commands[name]
        try:
            values = [float(follow(message, steps_of(path)))
                      for path in command.paths_in(topic.type)]
        except (ContractError, AttributeError, IndexError, TypeError, ValueError):
            return  # damaged, or of another type than the contract says
        for place, value in zip(command.fields, values, strict=True):
            self._told[place] = value
        if name == next(reversed(self._commands)) and not any(map(math.isnan, self._told)):
            self._idle.take(stamp_ns, self._told)

    def problems(self, now_ns: int, *, paused: bool = False) -> list[str]:
        """
        Return one sentence per contract topic that is missing or stale.

        :param paused: the simulated clock stands still, so nobody can be expected to speak.
        """
        self._pass(now_ns)
        found = []
        for name, watch in self.topics.items():
            kind = self.published.get(name)
            if kind is None:
                found.append(f'{name}: nobody publishes it.')
            elif not same_command(kind, watch.type):
                found.append(f'{name}: is a {kind}, the contract says {watch.type}.')
            elif paused or not watch.limits.sensor:
                continue  # commands flow only while the clock runs: a publisher is enough
            elif watch.newest_ns is None:
                found.append(f'{name}: no message yet.')
            elif now_ns - watch.newest_ns > FRESH_NS:
                age_s = (now_ns - watch.newest_ns) / 1e9
                found.append(f'{name}: the newest message is {age_s:.1f} s old.')
        return found

    def suspect(self, now_ns: int) -> list[str]:
        """Return why the episode is, so far, unfit to train from; empty while it is good."""
        ended = self._ended_ns is not None
        now_ns = self._ended_ns if self._ended_ns is not None else now_ns
        # A new episode needs a moment before "no message" means something.
        found = [f'{name}: {reason}' for name, watch in self.topics.items()
                 if ended or watch.count or now_ns - watch.arrived_ns > FRESH_NS
                 for reason in watch.reasons(now_ns, same_clock=self._same_clock)]
        found += [f'{name}: {text}' for name, glances in self._glances.items()
                  for _, text in series_problems(glances)]
        told = ' and '.join(self._commands)
        return found + [f'{told}: {reason}' for reason in self._idle.reasons(ended=ended)]

    def verdict(self, more: list[str] | None = None) -> dict[str, Any]:
        """
        Return the content of ``quality.json``; the episode has ended.

        :param more: reasons that are not the topics'.
        """
        reasons = (more or []) + self.suspect(0)
        return {'verdict': 'suspect' if reasons else 'good', 'reasons': reasons,
                'command': self._idle.figures(),
                'topics': {name: watch.figures() for name, watch in self.topics.items()}}
