"""Who drives: one viewer at a time, for as long as it is heard."""

LEASE_NS = 200_000_000
"""A driver that is silent for longer has let go"""


class Seat:
    """
    The driver's seat. Viewers are numbers.

    :param lease_ns: a driver that is silent for longer has left it.
    """

    def __init__(self, lease_ns: int = LEASE_NS) -> None:
        self._lease_ns = lease_ns
        self._heard_ns = 0
        self.driver: int | None = None
        """Who sits in it; ``None``: nobody"""

    def take(self, viewer: int, now_ns: int) -> bool:
        """Sit down; tell whether it worked: it does where nobody else is heard in it."""
        if self.driver not in (None, viewer) and not self.expired(now_ns):
            return False
        self.driver, self._heard_ns = viewer, now_ns
        return True

    def renew(self, viewer: int, now_ns: int) -> bool:
        """Note that a viewer was heard; tell whether it drives, which it no longer does late."""
        if self.driver != viewer or self.expired(now_ns):
            return False
        self._heard_ns = now_ns
        return True

    def leave(self, viewer: int) -> bool:
        """Stand up; tell whether this viewer sat in it."""
        sat = self.driver == viewer
        if sat:
            self.driver = None
        return sat

    def expired(self, now_ns: int) -> bool:
        """Tell whether the driver was silent for too long; without one, no."""
        return self.driver is not None and now_ns - self._heard_ns > self._lease_ns

    @property
    def until_ns(self) -> int:
        """When the lease of the driver ends."""
        return self._heard_ns + self._lease_ns
