"""What ``quality.json`` says of an episode that was made from another recording. No files."""

from typing import Any

import numpy as np

from ilw_core.contract.file import Contract


def quality(contract: Contract, stamps_ns: dict[str, np.ndarray],
            more: list[str]) -> dict[str, Any]:
    """
    Return the content of ``quality.json``, as the recorder's gate writes it.

    :param stamps_ns: topic -> (N,) int64 in order of arrival.
    :param more: other reasons to suspect it.
    """
    limits: dict[str, int | None] = dict.fromkeys(contract.action.topics)
    for source in contract.sources:
        # Within it an observation still uses the message, so no tick is lost.
        limits[source.topic] = (max(source.align.tolerance_ns, 2 * contract.period_ns)
                                if source.align.how == 'asof' else None)
    reasons, topics = list(more), {}
    for name, limit_ns in limits.items():
        stamps = stamps_ns.get(name, np.empty(0, dtype=np.int64))
        steps = np.diff(np.maximum.accumulate(stamps)) if len(stamps) else stamps
        longest_ns = int(steps.max(initial=0))
        gaps = int((steps > limit_ns).sum()) if limit_ns is not None else 0
        disordered = int((np.diff(stamps) < 0).sum())
        span_ns = int(stamps.max() - stamps.min()) if len(stamps) else 0
        topics[name] = {
            'count': len(stamps), 'gaps': gaps, 'max_gap_s': round(longest_ns / 1e9, 6),
            'rate_hz': round((len(stamps) - 1) * 1e9 / span_ns, 3) if span_ns else 0.0,
            'disordered': disordered, 'missing': not len(stamps)}
        if not len(stamps):
            reasons.append(f'{name}: no message.')
        if gaps:
            reasons.append(f'{name}: {gaps} gap(s), the longest {longest_ns / 1e9:.2f} s.')
        if disordered:
            reasons.append(f'{name}: {disordered} message(s) out of order.')
    return {'verdict': 'suspect' if reasons else 'good', 'reasons': reasons, 'topics': topics}
