"""Which simulated worlds are for what: no policy is scored in one it was made or chosen in."""

DEMONSTRATE = 0
"""First world, within a run's range, that somebody drives in to be imitated"""
LEARN = 100_000
"""In which reward is earned"""
JUDGE = 200_000
"""In which a learner from reward compares its candidates"""
CHOOSE = 300_000
"""In which the checkpoint of a training is chosen"""
CORRECT = 400_000
"""In which a policy drives and a person corrects it"""
TRY = 550_000
"""In which a policy drives alone, so that its gate learns where it fails"""
SCORE = 600_000
"""In which it is scored: ``./ilw eval``, ``compare``, ``promote`` and the demo"""
PER_RUN = 1_000_000
"""Worlds of a run's seed; the next seed has the next as many"""
