"""Is every topic of the contract there, and how well did it come? No ROS, no clock."""

from dataclasses import dataclass
import struct
from typing import Any

from ilw_core.contract import Contract

FRESH_NS = 1_000_000_000
"""A sensor is stale when its newest message is older: slow sensors send at 1 Hz or more"""
_STAMP = struct.Struct('<iI')  # of a CDR message that begins with a Header; 4 bytes of preamble
_STAMP_BIG = struct.Struct('>iI')


def header_stamp_ns(data: bytes) -> int:
    """Return the stamp of a serialized message that begins with a ``std_msgs/Header``."""
    if len(data) < 12:
        return 0
    sec, nanosec = (_STAMP if data[1] & 1 else _STAMP_BIG).unpack_from(data, 4)
    return sec * 1_000_000_000 + nanosec


@dataclass
class TopicRecord:
    """How one topic of the contract is doing."""

    type: str
    gap_ns: int | None
    """A longer interval is a gap; None: any interval is fine (held values, commands)"""
    must_flow: bool
    """Must be fresh before an episode may start"""
    newest_ns: int | None = None
    """ROS time of the newest message ever; None before the first"""
    count: int = 0
    first_stamp_ns: int = 0
    last_stamp_ns: int = 0
    gaps: int = 0
    max_gap_ns: int = 0
    disordered: int = 0

    def clear(self) -> None:
        """Begin a new episode."""
        self.count = self.gaps = self.max_gap_ns = self.disordered = 0
        self.first_stamp_ns = self.last_stamp_ns = 0

    def take(self, stamp_ns: int) -> None:
        """Count one recorded message."""
        self.count += 1
        if self.count == 1:
            self.first_stamp_ns = self.last_stamp_ns = stamp_ns
            return
        interval_ns = stamp_ns - self.last_stamp_ns
        if interval_ns < 0:
            self.disordered += 1
            return
        self.max_gap_ns = max(self.max_gap_ns, interval_ns)
        self.gaps += self.gap_ns is not None and interval_ns > self.gap_ns
        self.last_stamp_ns = stamp_ns

    @property
    def rate_hz(self) -> float:
        """Mean rate over the episode; 0 with fewer than two messages."""
        span_ns = self.last_stamp_ns - self.first_stamp_ns
        return (self.count - 1) * 1e9 / span_ns if span_ns > 0 else 0.0


class RecordingGate:
    """Watches the topics of a contract, by relative name."""

    def __init__(self, contract: Contract) -> None:
        self.topics: dict[str, TopicRecord] = {}
        for source in contract.sources:
            flows = source.align.how == 'asof'
            # Within it an observation still uses the message, so no tick is lost.
            gap_ns = max(source.align.tolerance_ns, 2 * contract.period_ns) if flows else None
            self.topics[source.topic] = TopicRecord(source.type, gap_ns, flows)
        # Commands flow only while the clock runs: it is enough that their publisher is there.
        self.topics[contract.action.topic] = TopicRecord(contract.action.type, None, False)
        self.published: dict[str, str] = {}
        """Topic -> type, of those that have a publisher"""

    def saw(self, topic: str, now_ns: int) -> None:
        """Note that a message came, recording or not."""
        self.topics[topic].newest_ns = now_ns

    def begin(self) -> None:
        """Begin to judge an episode."""
        for record in self.topics.values():
            record.clear()

    def problems(self, now_ns: int, *, paused: bool = False) -> list[str]:
        """
        Return one sentence per contract topic that is missing or stale.

        :param paused: the simulated clock stands still, so nobody can be expected to speak.
        """
        found = []
        for name, record in self.topics.items():
            kind = self.published.get(name)
            if kind is None:
                found.append(f'{name}: nobody publishes it.')
            elif kind != record.type:
                found.append(f'{name}: is a {kind}, the contract says {record.type}.')
            elif paused or not record.must_flow:
                continue
            elif record.newest_ns is None:
                found.append(f'{name}: no message yet.')
            elif now_ns - record.newest_ns > FRESH_NS:
                age_s = (now_ns - record.newest_ns) / 1e9
                found.append(f'{name}: the newest message is {age_s:.1f} s old.')
        return found

    def verdict(self) -> dict[str, Any]:
        """Return the content of ``quality.json``."""
        reasons = []
        for name, record in self.topics.items():
            if record.count == 0:
                reasons.append(f'{name}: no message.')
            if record.gaps:
                reasons.append(f'{name}: {record.gaps} gap(s), the longest '
                               f'{record.max_gap_ns / 1e9:.2f} s.')
            if record.disordered:
                reasons.append(f'{name}: {record.disordered} message(s) out of order.')
        topics = {name: {
            'count': r.count, 'rate_hz': round(r.rate_hz, 3), 'gaps': r.gaps,
            'max_gap_s': round(r.max_gap_ns / 1e9, 6), 'disordered': r.disordered,
            'missing': r.count == 0} for name, r in self.topics.items()}
        return {'verdict': 'suspect' if reasons else 'good', 'reasons': reasons, 'topics': topics}
