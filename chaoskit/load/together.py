"""What several processes of the load say of themselves, as one: pure.

Sums where they share work out, the worst where each has its own; it must never soften.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from chaoskit.model.timeline import LoadFacts


def together(parts: Sequence[LoadFacts]) -> LoadFacts:
    """The facts of the whole load; `parts` in the order of the workers, at least one.

    A quantile of all arrivals is at most the highest of the parts' own.
    """
    if len(parts) == 1:
        return parts[0]
    lasting = [part.lateness_p95 for part in parts if part.lateness_p95 is not None]
    stalls = [part.stalls for part in parts if part.stalls is not None]
    return LoadFacts(
        planned=sum(part.planned for part in parts),
        sent=sum(part.sent for part in parts),
        unsent=sum(part.unsent for part in parts),
        lateness_p99=max(part.lateness_p99 for part in parts),
        lateness_p95=max(lasting, default=None),
        stalls=tuple(stall for told in stalls for stall in told) if stalls else None,
        lost=_summed(part.lost for part in parts),
        cpu=max((part.cpu for part in parts if part.cpu is not None), default=None),
        cpu_highest=max(
            (part.cpu_highest for part in parts if part.cpu_highest is not None), default=None
        ),
        saturated=any(part.saturated for part in parts),
        causes=_told([part.causes for part in parts]),
        warnings=_told([part.warnings for part in parts]),
        doubts=_told([part.doubts for part in parts]),
    )


def _summed(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part)
    return dict(counts)


def _told(said: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What all say, once; what only some say, with the workers that do."""
    sentences = dict.fromkeys(sentence for part in said for sentence in part)
    return tuple(_by(sentence, said) for sentence in sentences)


def _by(sentence: str, said: Sequence[tuple[str, ...]]) -> str:
    who = [str(number) for number, part in enumerate(said) if sentence in part]
    if len(who) == len(said):
        return sentence
    return f"worker {', '.join(who)} of {len(said)}: {sentence}"
