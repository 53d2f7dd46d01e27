"""The parameters of the nodes of the cockpit and of Foxglove's server."""

from dataclasses import dataclass

from ilw_ros.params import param


@dataclass(frozen=True)
class CockpitParams:
    """The parameters of the cockpit node."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    joystick: str = param('xbox', 'Layout that the page speaks: a name in config/joysticks, or a '
                          'path; the teleop node has the same, or auto.')
    port: int = param(8765, 'That the page is served at.', low=1024, high=65535)
    listen: str = param('127.0.0.1', 'Address it is served at; another takes a certificate.')
    cert: str = param('', 'Certificate (PEM) for TLS, or self: one of its own.')
    key: str = param('', 'Key of that certificate (PEM).')
    demos: str = param('demos', 'Folder whose episodes are listed.')
    runs: str = param('runs', 'Folder of training runs, and of what jobs leave.')
    deployed: str = param('deployed', 'Folder of the promoted policies.')


@dataclass(frozen=True)
class FoxgloveParams:
    """The parameters of the node that serves Foxglove."""

    host: str = param('127.0.0.1', 'Address it listens at; 0.0.0.0: whoever reaches this machine.')
    port: int = param(8766, 'Of the WebSocket.', low=1024, high=65535)
    control: bool = param(False, 'Offer arming and reset, too: whoever reaches the port, and any '
                          'page in a browser on this machine, may then call them.')
