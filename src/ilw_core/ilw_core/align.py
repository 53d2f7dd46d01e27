"""
The one resampler: messages in, observations on the task's clock out. Bags and live topics alike.

``Resampler`` takes messages as they come, ``sample_rows`` all of a topic at once, by one rule.

An observation at tick t uses only messages stamped at or before t, each young enough. Live, a tick
is given out once every ``asof`` topic has delivered a message stamped at or after it, because then
nothing that belongs to the tick can still be on its way; a bag holds everything from the start.
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.features.image_decode import ImageUnreadError
from ilw_core.features.picture_watch import PictureWatch


class StreamBuffer:
    """
    The recent messages of one topic, ordered by stamp.

    :param keep: how many to keep; ``None`` keeps all (a bag).
    """

    def __init__(self, keep: int | None = 64) -> None:
        self._keep = keep
        self._stamps: list[int] = []
        self._values: dict[int, Any] = {}

    def push(self, stamp_ns: int, value: Any) -> None:
        """Add a message; of two with one stamp the later arrival counts."""
        if stamp_ns not in self._values:
            if not self._stamps or stamp_ns > self._stamps[-1]:
                self._stamps.append(stamp_ns)
            else:
                insort(self._stamps, stamp_ns)
        self._values[stamp_ns] = value
        if self._keep is not None and len(self._stamps) > self._keep:
            del self._values[self._stamps.pop(0)]

    def sample(self, tick_ns: int, tolerance_ns: int | None = None) -> tuple[int, Any] | None:
        """Return the newest (stamp, message) at or before the tick; ``None`` if too old."""
        i = bisect_right(self._stamps, tick_ns)
        if i == 0:
            return None
        stamp_ns = self._stamps[i - 1]
        if tolerance_ns is not None and tick_ns - stamp_ns > tolerance_ns:
            return None
        return stamp_ns, self._values[stamp_ns]

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest message; ``None`` before the first."""
        return self._stamps[-1] if self._stamps else None

    @property
    def oldest_ns(self) -> int | None:
        """Stamp of the oldest message kept; ``None`` before the first."""
        return self._stamps[0] if self._stamps else None

    def forget_before(self, stamp_ns: int) -> None:
        """Forget messages older than this."""
        for stamp in self._stamps[:(old := bisect_left(self._stamps, stamp_ns))]:
            del self._values[stamp]
        del self._stamps[:old]

    def clear(self) -> None:
        """Forget everything, as after a jump back of the clock."""
        self._stamps.clear()
        self._values.clear()


def sample_rows(
    stamps_ns: np.ndarray, ticks_ns: np.ndarray, tolerance_ns: int | None = None,
) -> np.ndarray:
    """
    Return what ``StreamBuffer.sample`` gives at each tick when every message has arrived.

    :param stamps_ns: ``(N,)`` int64 in order of arrival.
    :param ticks_ns: ``(T,)`` int64.
    :returns: ``(T,)`` index of the message; -1 where there is none, or it is too old.
    """
    order = np.argsort(stamps_ns, kind='stable')  # of equal stamps the later arrival stays last
    ordered = stamps_ns[order]
    place = np.searchsorted(ordered, ticks_ns, side='right') - 1
    found = place >= 0
    if tolerance_ns is not None and len(ordered):
        found &= ticks_ns - ordered[np.maximum(place, 0)] <= tolerance_ns
    rows = np.full(len(ticks_ns), -1, dtype=np.int64)
    rows[found] = order[place[found]]
    return rows


@dataclass(frozen=True)
class Observation:
    """The contract applied to the topics at one tick."""

    tick_ns: int
    values: np.ndarray
    """(Do,) float32; 0 where not valid"""
    valid: np.ndarray
    """(Do,) bool"""
    age_ns: int
    """Age of the oldest ``asof`` message used; 0 if none was"""
    images: dict[str, np.ndarray] = field(default_factory=dict)
    """Contract entry -> (H, W, C) uint8, of those that are there"""
    unseen: dict[str, str] = field(default_factory=dict)
    """Contract entry -> why its image is not there; empty for want of a message that is fresh"""

    @property
    def whole(self) -> bool:
        """Tell whether everything of the contract was observed."""
        return not self.unseen and np.count_nonzero(self.valid) == len(self.valid)


class Resampler:
    """
    Buffers every observed topic of a contract and builds observations from them.

    :param keep: messages kept per topic; ``None`` for a bag.
    """

    def __init__(self, contract: Contract, keep: int | None = 64) -> None:
        self.contract = contract
        self._buffers = {source.name: StreamBuffer(keep) for source in contract.sources}
        self._asof = [s.name for s in contract.sources if s.align.how == 'asof']
        self._images = contract.images
        self._forgets = keep is not None
        self._watch = PictureWatch(contract) if self._forgets and contract.images else None

    def push(self, name: str, stamp_ns: int, message: Any) -> None:
        """Add a message of the observation entry ``name``."""
        self._buffers[name].push(stamp_ns, message)

    def last(self) -> tuple[int, str] | None:
        """Return stamp and name of the ``asof`` entry that is furthest behind, of those heard."""
        newest = [(self._buffers[name].newest_ns, name) for name in self._asof]
        return min(((at, name) for at, name in newest if at is not None), default=None)

    def complete_ns(self) -> int | None:
        """Return the newest instant for which every ``asof`` topic has delivered, or ``None``."""
        names = self._asof or list(self._buffers)
        newest = [self._buffers[name].newest_ns for name in names]
        return None if any(n is None for n in newest) else min(n for n in newest if n is not None)

    def begin_ns(self) -> int | None:
        """Return the first instant at which every topic has something, or ``None``."""
        oldest = [buffer.oldest_ns for buffer in self._buffers.values()]
        return None if any(n is None for n in oldest) else max(n for n in oldest if n is not None)

    def observe(self, tick_ns: int) -> Observation:
        """
        Build the observation of one tick from what is there now.

        Images are large: live, those from before the tick are forgotten then. Live, too, pictures
        that show nothing are not there: black ones, those of a camera that hangs, of another size.
        """
        messages, stamps, oldest = {}, {}, 0
        for source in self.contract.sources:
            held = source.align.how == 'hold'
            tolerance = None if held else source.align.tolerance_ns
            found = self._buffers[source.name].sample(tick_ns, tolerance)
            if found is not None:
                stamps[source.name], messages[source.name] = found
                if self._forgets and source.feature.is_image:
                    self._buffers[source.name].forget_before(found[0])
                oldest = oldest if held else max(oldest, tick_ns - found[0])
        values = encode(self.contract, messages)
        valid = np.isfinite(values)
        images, unseen = self._seen(messages, stamps, values) if self._images else ({}, {})
        return Observation(tick_ns, np.where(valid, values, np.float32(0.0)), valid, oldest,
                           images, unseen)

    def _seen(self, messages: dict[str, Any], stamps: dict[str, int],
              values: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        images, unseen = {}, {}
        for name, feature in ((source.name, source.feature) for source in self._images):
            if name not in messages:
                unseen[name] = ''
                continue
            try:
                image = feature.image(messages)
            except ImageUnreadError as error:
                unseen[name] = str(error)
                continue
            why = self._watch.look(name, stamps[name], messages[name], image, values) \
                if self._watch else ''
            if why:
                unseen[name] = why
            else:
                images[name] = image
        return images, unseen

    def clear(self) -> None:
        """Forget everything."""
        for buffer in self._buffers.values():
            buffer.clear()


def encode(contract: Contract, messages: dict[str, Any]) -> np.ndarray:
    """
    Apply every codec of a contract that gives numbers to messages by entry name.

    :returns: ``(Do,)`` float32, NaN where a message is missing.
    """
    parts = [np.empty(0, dtype=np.float32)]  # there may be images only
    for source in contract.sources:
        feature = source.feature
        if feature.is_image:
            continue
        if all(need in messages for need in feature.needs):
            parts.append(feature.encode(messages))
        else:
            parts.append(np.full(feature.dim, np.nan, dtype=np.float32))
    return np.concatenate(parts)
