"""How good the sensors are, as a contract's scene says it."""

from dataclasses import dataclass

from ilw_core.contract.schema import Section


@dataclass(frozen=True)
class SensorOptions:
    """How good the sensors are; keys of a contract's ``scene``."""

    lidar_rays: int = 36
    lidar_range_m: float = 8.0
    lidar_range_min_m: float = 0.1
    lidar_noise_m: float = 0.005
    """Standard deviation; common 2D lidars have 5 to 20 mm below 4 m"""
    odom_scale_noise_ratio: float = 0.0005
    """Error of each wheel's assumed radius, drawn once per episode"""
    odom_slip_noise_ratio: float = 0.005
    """Error of each wheel's travel in one tick"""
    gyro_noise_radps: float = 0.005
    acceleration_noise_mps2: float = 0.05

    @classmethod
    def take(cls, section: Section) -> 'SensorOptions':
        """Take the sensors' keys from a contract's scene."""
        rays = section.integer('lidar_rays', cls.lidar_rays, low=1)
        names = [name for name in cls.__dataclass_fields__ if name != 'lidar_rays']
        return cls(rays, **{n: section.number(n, getattr(cls, n), low=0.0) for n in names})
