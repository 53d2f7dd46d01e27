"""What is said to a person who marks a take, and when a mark is to be confirmed."""

from ilw_core.features.goal import far_from_goal

WAIT_NS = 5_000_000_000
"""Of wall time: so long a start waits for a recorder, and a question for its answer"""
AGAIN_NS = 1_000_000_000
"""Of wall time: between two sendings of a start that is not answered"""
ENDS = ('save_success', 'save_failure', 'discard')


class MarkCheck:
    """
    Holds back a success far from the goal until it is confirmed; sends a start again until a
    recorder answers it.

    :param radius_m: of the contract's goal.
    """

    def __init__(self, radius_m: float) -> None:
        self._radius_m = radius_m
        self._asked_wall_ns: int | None = None
        self._start_wall_ns: int | None = None
        self._again_wall_ns = 0

    def press(self, control: str, wall_ns: int, *, heard: bool, recording: bool,
              to_goal_m: float | None) -> tuple[bool, str]:
        """
        Take in a press of ``start`` or of one of ``ENDS``.

        :param heard: there is a recorder.
        :param to_goal_m: ``None``: there is no goal, or where it is is not known.
        :returns: whether to send the mark now, and what to say; may be empty.
        """
        asked, self._asked_wall_ns = self._asked_wall_ns, None
        if control == 'start':
            self._start_wall_ns = wall_ns
            self._again_wall_ns = wall_ns + AGAIN_NS if heard else wall_ns
        if not heard:
            return True, ('No recorder is heard: a take begins if one comes within '
                          f'{WAIT_NS / 1e9:.0f} s.' if control == 'start' else
                          'No recorder is heard: nothing is being recorded.')
        if control == 'start':
            return True, ''
        if not recording:
            return True, 'Nothing is being recorded: begin a take first.'
        confirmed = asked is not None and wall_ns - asked <= WAIT_NS
        if (control == 'save_success' and not confirmed and to_goal_m is not None
                and far_from_goal(to_goal_m, self._radius_m)):
            self._asked_wall_ns = wall_ns
            return False, (f'A success? The goal is {to_goal_m:.2f} m away, it counts within '
                           f'{self._radius_m:g} m. Press again within {WAIT_NS / 1e9:.0f} s to '
                           f'save it as a success; the take goes on.')
        return True, ''

    def start_due(self, wall_ns: int, *, heard: bool, answered: bool) -> tuple[bool, str]:
        """
        Return whether a start that waits is to be sent again, and what to say; may be empty.

        :param answered: since the press a take began, or was refused.
        """
        since = self._start_wall_ns
        if since is None or answered:
            self._start_wall_ns = None
            return False, ''
        if wall_ns - since >= WAIT_NS:
            self._start_wall_ns = None
            return False, ('The recorder does not answer: no take begins. Press again.' if heard
                           else 'No recorder is heard: no take begins. ./ilw up record starts '
                           'one.')
        if not heard or wall_ns < self._again_wall_ns:
            return False, ''
        self._again_wall_ns = wall_ns + AGAIN_NS
        return True, ''
