"""On a robot the policy is armed from the beginning of a recording to its end, and no longer."""

from types import SimpleNamespace

from ilw_bringup.improve.on_robot import RobotAttempts
from ilw_msgs.msg import EpisodeStatus


class Session:
    """The recorder's phases, one by one; notes what is asked of the arbiter meanwhile."""

    def __init__(self, *phases):
        self._phases, self.asked = list(phases), []
        self.status = SimpleNamespace(phase=EpisodeStatus.PHASE_READY)

    def arm(self, armed):
        self.asked.append((self.status.phase, armed))

    def wait_for(self, done, timeout_s, what):
        while not done():
            self.status.phase = self._phases.pop(0)


def test_the_policy_drives_while_an_episode_is_recorded_and_not_while_it_is_saved(clutter,
                                                                                  tmp_path):
    ready, records, saves = (EpisodeStatus.PHASE_READY, EpisodeStatus.PHASE_RECORDING,
                             EpisodeStatus.PHASE_SAVING)
    session, said = Session(ready, records, records, saves, ready), []
    attempts = RobotAttempts(tmp_path, clutter, None, {}, scripted=False, seed=0, say=said.append,
                             ask_to_learn=lambda: None)
    attempts._one(session, 1)
    assert session.asked == [(ready, False), (records, True), (saves, False)]
    assert session.status.phase == ready and 'press start' in said[0]
