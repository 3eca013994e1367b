"""Data safety: acknowledged writes against what every copy holds once all is over.

Sets and counts, O(n): after Jepsen's `set-full` checker (lost, duplicated, unexpected), with its
three outcomes. Found or not, an unclear write is right: it may be applied at any time. What was
not read must never count as found, nor as lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from chaoskit.judge import registers
from chaoskit.judge.claims import FEWEST
from chaoskit.judge.wording import plural
from chaoskit.judge.writes import Attempt, Copy, Findings, History, Look, Write, offender
from chaoskit.model.verdict import (
    OLD_VALUE,
    CopyFigures,
    DataSafety,
    Gate,
    Offence,
    Offender,
    Status,
)

SHOWN = 20
KINDS: tuple[Offence, ...] = ("lost", "missing", "doubled", "invented", "stale")
_SAID = {
    "lost": "acknowledged but in no copy",
    "missing": "acknowledged but not in every copy",
    "doubled": "applied more than once",
    "invented": "found but never attempted, or refused",
    "stale": "not found in time, though known to be there",
}


def examine(history: History) -> tuple[DataSafety, tuple[Offender, ...]]:
    """The figures with the first offenders of each kind, and all offenders by kind and time."""
    found = registers.findings(history) if history.sequenced else _findings(history)
    offenders = tuple(sorted(found.offenders, key=_order))
    counts = Counter(one.offence for one in offenders)
    acknowledged = sum(w.acknowledged is not None for w in found.writes)
    refused = sum(w.refused for w in found.writes)
    broken = [*_broken(history)]
    status, reason = _verdict(history, acknowledged, counts, broken)
    figures = DataSafety(
        ledger=history.ledger,
        status=status,
        registers=found.registers,
        attempted=len(found.writes),
        acknowledged=acknowledged,
        refused=refused,
        unclear=len(found.writes) - acknowledged - refused,
        unclear_found=found.unclear_found,
        looks=len(history.looks),
        stalest=found.stalest,
        copies=tuple(map(_figures, history.copies)),
        offences={kind: counts[kind] for kind in KINDS},
        offenders=tuple(one for kind in KINDS for one in _first(offenders, kind)),
        reason=reason,
    )
    return figures, offenders


def safety_gate(figures: DataSafety) -> Gate:
    """The figures as a gate; it stands with recovery, after which the copies were read."""
    bad = sum(figures.offences.values())
    held = figures.status is Status.HELD
    return Gate(
        phase="recovery",
        expectation=_promise(figures),
        series=figures.ledger,
        metric="data_safety",
        status=figures.status,
        observed=float(bad) if figures.copies else None,
        shown=f"{bad} of {figures.acknowledged}" if figures.copies else "no data",
        bound="== 0",
        samples=figures.attempted,
        reason="" if held else figures.reason,
    )


def _promise(figures: DataSafety) -> str:
    if figures.registers is None:
        return f"no acknowledged write of {figures.ledger} lost, doubled or invented"
    return f"no register of {figures.ledger} lost, invented or read as it was before"


def _findings(history: History) -> Findings:
    """A ledger of single writes: each id is in every copy, once."""
    writes = _by_id(history.attempts)
    held = {c.name: Counter(c.entries) for c in history.copies if c.entries is not None}
    stale = [*_stale(history.looks, writes)]
    late = [one for one in stale if (one.age or 0.0) > history.stale]
    found: set[str] = set().union(*held.values())
    unclear = (i for i, w in writes.items() if w.acknowledged is None and not w.refused)
    return Findings(
        writes=[*writes.values()],
        offenders=[*_offenders(history, writes, held), *late],
        unclear_found=sum(i in found for i in unclear),
        stalest=max((one.age or 0.0 for one in stale), default=None),
    )


def _by_id(attempts: Sequence[Attempt]) -> dict[str, Write]:
    writes: dict[str, Write] = {}
    for attempt in attempts:
        writes.setdefault(attempt.id, Write(attempt.at)).take(attempt)
    return writes


def _offenders(
    history: History, writes: Mapping[str, Write], held: Mapping[str, Counter[str]]
) -> Iterator[Offender]:
    complete = [c.name for c in history.copies if c.complete]
    whole = len(complete) == len(history.copies)
    for id_, write in writes.items():
        if write.acknowledged is None:
            continue
        absent = tuple(name for name in complete if id_ not in held[name])
        if absent:
            gone = whole and len(absent) == len(complete)
            yield offender(id_, "lost" if gone else "missing", write, absent)
    found: set[str] = set().union(*held.values())
    for id_ in found:
        known = writes.get(id_)
        inside = tuple(name for name, ids in held.items() if id_ in ids)
        if known is None or known.refused:
            yield offender(id_, "invented", known, inside)
        twice = tuple(name for name in inside if held[name][id_] > 1)
        if twice and known is not None:
            times = max(held[name][id_] for name in twice)
            yield offender(id_, "doubled", known, twice, times=times)


def _stale(looks: Sequence[Look], writes: Mapping[str, Write]) -> Iterator[Offender]:
    """Looks that began when the write was known and did not find it; of each id the oldest."""
    known = {i: w.acknowledged for i, w in writes.items() if w.acknowledged is not None}
    for look in looks:
        if look.found:
            known[look.id] = min(look.ended, known.get(look.id, look.ended))
    ages: dict[str, float] = {}
    for look in looks:
        since = known.get(look.id)
        if not look.found and since is not None and look.asked > since:
            ages[look.id] = max(look.asked - since, ages.get(look.id, 0.0))
    for id_, age in ages.items():
        yield offender(id_, "stale", writes.get(id_), age=age)


def _order(one: Offender) -> tuple[int, float, str, int]:
    return KINDS.index(one.offence), one.at or 0.0, one.id, one.sequence or 0


def _first(offenders: Sequence[Offender], kind: Offence) -> list[Offender]:
    return [one for one in offenders if one.offence == kind][:SHOWN]


def _figures(copy: Copy) -> CopyFigures:
    return CopyFigures(
        name=copy.name,
        found=None if copy.entries is None else len(copy.entries),
        constant_before=copy.constant_before,
        constant_after=copy.constant_after,
        why=copy.why,
    )


def _broken(history: History) -> Iterator[str]:
    """What must not change and did, in a copy that was read to its end."""
    for copy in history.copies if history.constant else ():
        before, after = copy.constant_before, copy.constant_after
        if copy.complete and before is not None and after is not None and before != after:
            yield f"{copy.name}: the constant was {before:.15g} before and {after:.15g} after"


def _verdict(
    history: History, acknowledged: int, counts: Mapping[Offence, int], broken: Sequence[str]
) -> tuple[Status, str]:
    """What is wrong in any copy is violated; else what was not seen is inconclusive."""
    said = _SAID | {"stale": OLD_VALUE} if history.sequenced else _SAID
    wrong = [f"{plural(counts[k], 'write')} {k} ({said[k]})" for k in KINDS if counts.get(k)]
    if wrong or broken:
        return Status.VIOLATED, "; ".join((*wrong, *broken))
    unseen = [*_unseen(history, acknowledged)]
    return (Status.INCONCLUSIVE, "; ".join(unseen)) if unseen else (Status.HELD, "")


def _unseen(history: History, acknowledged: int) -> Iterator[str]:
    if not history.copies:
        yield f"no copy was read back: {history.why or 'the run ended before that'}"
    elif acknowledged < FEWEST:
        yield f"only {plural(acknowledged, 'write')} acknowledged, {FEWEST} are needed"
    elif history.looked and len(history.looks) < FEWEST:
        what = "read" if history.sequenced else "look"
        yield f"only {plural(len(history.looks), what)} answered, {FEWEST} are needed"
    for copy in history.copies:
        if copy.entries is None:
            yield f"{copy.name} could not be read: {copy.why}"
        elif not copy.settled:
            yield f"{copy.name} did not come to rest: {copy.why}"
        elif history.constant and None in (copy.constant_before, copy.constant_after):
            yield f"{copy.name}: the constant could not be read: {copy.why}"
