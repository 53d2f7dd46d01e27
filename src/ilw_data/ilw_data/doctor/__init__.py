"""Is a folder of episodes fit to train from? Findings, each with the command that mends it."""

from ilw_data.doctor.check import Report, check_episodes
from ilw_data.doctor.finding import Finding

__all__ = ['Finding', 'Report', 'check_episodes']
