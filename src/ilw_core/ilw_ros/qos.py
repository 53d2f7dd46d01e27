"""The named QoS profiles. Nothing else in ILW writes a QoS."""

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

STATE = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Subscribing to sensors and state: matches any publisher."""
STATE_OFFER = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Publishing state from the simulator: matches any subscriber, loses nothing."""
SENSOR_OFFER = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Publishing sensors as most drivers do (``rclcpp::SensorDataQoS``): the emulated robot."""
CAMERA = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
EVENT = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Buttons, marks and rewards: each counts."""
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Status, map and goal: a late subscriber gets the newest."""
REQUEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Action requests to the arbiter: only the newest matters."""
RECORDING_DEPTH = 4000
"""Messages per topic that wait for the recorder: four seconds of a 1 kHz arm, should it hang"""


def command(rate_hz: float) -> QoSProfile:
    """Return the profile of a robot command: reliable, newest only, void after two periods."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                      lifespan=Duration(nanoseconds=round(2e9 / rate_hz)))


def recording(*, reliable: bool, latched: bool) -> QoSProfile:
    """Return the profile that loses nothing a publisher with these offers sends."""
    return QoSProfile(
        depth=RECORDING_DEPTH, history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE))
