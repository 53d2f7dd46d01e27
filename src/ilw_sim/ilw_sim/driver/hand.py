"""When a scripted person holds the stick: while there is an episode, and it is recorded."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from ilw_sim.driver.stick import Stick

Pressed = tuple[list[float], list[int]]
"""Axes and buttons of ``sensor_msgs/Joy``"""
Seen = TypeVar('Seen')
"""What the person sees of one tick"""
_SILENT_NS = 350_000_000       # less than a joystick may be silent for
_NEW_EPISODE_NS = 500_000_000  # a larger step of the clock may be a reset, or a slow machine
_ANSWER_NS = 1_000_000_000  # a recorder says within this whether it has begun


class Hand(ABC, Generic[Seen]):
    """
    A hand on a joystick; presses once per tick.

    :param records: start a recording before each episode, and drive only what is recorded.
    :raises IlwError: it is to record, and the layout has no button for that.
    """

    def __init__(self, stick: Stick, *, records: bool = False) -> None:
        self._stick, self._records = stick, records
        if records:
            stick.start()
        self._take, self._done_take, self._recorder_ready = '', '', False
        """Episode that is being recorded, and the one of the episode that is over"""
        self._pressed_ns = -_ANSWER_NS
        self._last_ns = -_NEW_EPISODE_NS
        self._running, self._holds = True, False

    @abstractmethod
    def there(self, stamp_ns: int, seen: Seen) -> bool:
        """Tell whether there is an episode to drive, and what is seen is of it."""

    @abstractmethod
    def drive(self, seen: Seen) -> Pressed:
        """Return what to press at a tick of an episode."""

    def on_reset(self) -> None:
        """A new episode begins."""
        self._running, self._holds = True, False

    def on_stop(self) -> None:
        """The episode is over: let go of the stick until the next."""
        self._running, self._done_take = False, self._take

    def on_recorder(self, episode: str, *, recording: bool, ready: bool) -> None:
        """
        Hear what the recorder does.

        :param episode: what it records, or recorded last.
        :param ready: it would begin if asked to.
        """
        self._take = episode if recording and episode != self._done_take else ''
        self._recorder_ready = ready

    def on_tick(self, stamp_ns: int, seen: Seen) -> list[Pressed]:
        """
        Return what to send for a tick, one after the other: as ``look``, after idle hands.

        A deadman that is held when a joystick appears, or is heard again after a silence, does not
        count before it was let go of.
        """
        silent = not 0 <= stamp_ns - self._last_ns <= _SILENT_NS
        pressed = self.look(stamp_ns, seen)
        begins, self._holds = silent or not self._holds, pressed is not None
        if pressed is None:
            return []
        return [self._stick.rest(), pressed] if begins else [pressed]

    def idle(self, stamp_ns: int) -> Pressed:
        """Return what a pad sends for a tick at which nobody touches it."""
        self._last_ns, self._holds = stamp_ns, False
        return self._stick.rest()

    def look(self, stamp_ns: int, seen: Seen) -> Pressed | None:
        """Return (axes, buttons) for a tick; ``None`` while there is nothing to drive."""
        if abs(stamp_ns - self._last_ns) > _NEW_EPISODE_NS:
            self._running = True  # the plan stays: it is a new map that makes it an old one
        self._last_ns = stamp_ns
        if not self._running or not self.there(stamp_ns, seen):
            return None
        if self._records and not self._take:
            return self._ask_to_record(stamp_ns)
        return self.drive(seen)

    def _ask_to_record(self, stamp_ns: int) -> Pressed:
        """Press start for one tick, and give the recorder time to answer."""
        if self._recorder_ready and not 0 <= stamp_ns - self._pressed_ns < _ANSWER_NS:
            # A reset lets time leap past the answer, so ready is what it says from here on.
            self._pressed_ns, self._recorder_ready = stamp_ns, False
            return self._stick.start()
        return self._stick.rest()
