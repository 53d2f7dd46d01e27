"""
End this process from outside Python: a lock that nobody gives back keeps no one from that.

Leaving the graph, Fast DDS 2.14 can wait in a loop for a thread that waits for the loop's mutex
(``DomainParticipant::set_listener``, while another participant leaves). rclpy holds the
interpreter's lock meanwhile, so that no thread of Python's ends anything.
"""

import ctypes

_BY_THREAD = 2
"""SIGEV_THREAD: the C library calls a function in a thread of its own"""
_MONOTONIC = 1


class _Event(ctypes.Structure):
    """``struct sigevent``, 64 bytes."""

    _fields_ = (('value', ctypes.c_long), ('number', ctypes.c_int), ('notify', ctypes.c_int),
                ('function', ctypes.c_void_p), ('attributes', ctypes.c_void_p),
                ('rest', ctypes.c_char * 32))


class _Times(ctypes.Structure):
    """``struct itimerspec``: how often, and when first, in seconds and nanoseconds."""

    _fields_ = (('every', ctypes.c_long * 2), ('first', ctypes.c_long * 2))


class LastResort:
    """A timer that ends the process, its exit code with it."""

    def __init__(self) -> None:
        self._timer: ctypes.c_void_p | None = None

    def set(self, seconds: float, code: int) -> None:
        """End the process with ``code`` in so many seconds; takes the place of the one before."""
        library = ctypes.CDLL(None)
        event = _Event(value=code, notify=_BY_THREAD,
                       function=ctypes.cast(library._exit, ctypes.c_void_p))
        timer = ctypes.c_void_p()
        if library.timer_create(_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
            return  # no timers left: then only Python ends it
        whole, part = divmod(round(seconds * 1e9), 1_000_000_000)
        library.timer_settime(timer, 0, ctypes.byref(_Times(first=(whole, part))), None)
        if self._timer is not None:
            library.timer_delete(self._timer)
        self._timer = timer
