"""Is what was found worth it: replays of driving that the fit did not see."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_core.base.plant import Plant
from ilw_core.errors import EpisodeError
from ilw_sysid.identify.drive import Drive
from ilw_sysid.identify.estimate import identify
from ilw_sysid.identify.replay import Replay, plant_model, replay, split
from ilw_sysid.identify.result import Identified

_MUCH_RATIO, _MUCH_WAY_RATIO = 0.1, 0.005
"""By so much of its error, and of the way driven, the identified plant must be worse"""


@dataclass(frozen=True)
class FitVerdict:
    """The default plant and the identified one on the same commands."""

    replays: dict[str, Replay]
    """``default`` and ``identified``"""
    drive: Drive
    """What they were judged on"""
    unseen: bool
    """Whether the fit did not see it"""

    @property
    def ratio(self) -> float:
        """Mean position error of the identified plant over that of the default one."""
        found, usual = (float(self.replays[name].error_m.mean())
                        for name in ('identified', 'default'))
        return found / usual if usual > 0.0 else float('inf') if found > 0.0 else 1.0

    @property
    def contradiction(self) -> str:
        """
        Why the data contradict the model: what was fitted replays worse than the default plant.

        Empty if it does not, or by so little that a base like the default one may do so.
        """
        found, usual = (self.replays[name] for name in ('identified', 'default'))
        way_m = float(np.hypot(*np.diff(self.drive.poses[:, :2], axis=0).T).sum())
        worse_m = float(found.error_m.mean() - usual.error_m.mean())
        if not worse_m > max(_MUCH_RATIO * float(usual.error_m.mean()), _MUCH_WAY_RATIO * way_m):
            return ''
        return (f'The data contradict this model: replayed with what fits best, the base is '
                f'{found.error_m.mean():.3g} m off, with the default plant '
                f'{usual.error_m.mean():.3g} m. Are these the commands that drove it, and do pose '
                f'and twist of its odometry agree?')

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {**{name: each.as_json() for name, each in self.replays.items()},
                'error_ratio': self.ratio, 'unseen': self.unseen,
                'contradiction': self.contradiction}

    def words(self) -> str:
        """Return one line."""
        errors = {name: float(each.error_m.mean()) for name, each in self.replays.items()}
        where = ('on driving that the fit did not see' if self.unseen else
                 'on the driving it was fitted to, as half of it is too little for a fit')
        return (f'open-loop replay {where}: {errors["identified"]:.3f} m of position error, '
                f'{errors["default"]:.3f} m with the default plant ({self.ratio:.2f} of it).')


def judge(drive: Drive, found: Identified, other: Drive | None = None) -> FitVerdict:
    """
    Replay with and without what was identified.

    :param found: of the whole of ``drive``; judged on ``other``. Without one, what the first half
        of ``drive`` tells is judged on its second half.
    """
    plant, unseen = found.plant, True
    if other is None:
        first, other = split(drive)
        try:
            plant = identify(first).plant
        except EpisodeError:
            other, unseen = drive, False
    return FitVerdict({'default': replay(plant_model(Plant()), other),
                       'identified': replay(plant_model(plant), other)}, other, unseen)
