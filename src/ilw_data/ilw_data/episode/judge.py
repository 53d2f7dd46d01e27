"""How an episode ended that nobody judged, where the contract has a rule for it."""

from dataclasses import replace

from ilw_core.contract.end_rules import RuleWatch
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode, Outcome


def judged(episode: Episode, contract: Contract) -> Episode:
    """
    Return an episode up to where a rule of the contract ends it.

    One that was judged when it was recorded, and one that no rule ends, stay as they are.
    """
    if episode.outcome is not Outcome.UNKNOWN or not contract.rules:
        return episode
    watch = RuleWatch(contract.rules, contract.obs_names)
    for tick, stamp_ns in enumerate(episode.stamps_ns.tolist()):
        outcome = watch.take(stamp_ns, episode.obs[tick], episode.obs_valid[tick])
        if outcome is not Outcome.UNKNOWN and tick:
            return replace(episode.until(tick), outcome=outcome, stop_reason='rule')
    return episode
