"""One PyBullet server: its functions without the number of the server."""

from functools import partial
from typing import Any

from ilw_sim.physics.quiet_pybullet import pybullet


class Client:
    """PyBullet's functions for one server. (Its own BulletClient prints to standard output.)"""

    def __init__(self, mode: int) -> None:
        self._id = pybullet.connect(mode)

    def __getattr__(self, name: str) -> Any:
        function = partial(getattr(pybullet, name), physicsClientId=self._id)
        setattr(self, name, function)  # found at once from now on
        return function

    def __del__(self) -> None:
        if pybullet.isConnected(self._id):
            pybullet.disconnect(self._id)
