"""What became of the writes, as words: their figures, and each offender beside the fault.

An id is shown as it was sent. What was not read is said to be that.
"""

from __future__ import annotations

from chaoskit.model.verdict import OLD_VALUE, CopyFigures, DataSafety, Offender, Verdict
from chaoskit.report.words import NONE, moment, seconds, whole

OFFENCES = {
    "lost": "acknowledged, and in no copy",
    "missing": "acknowledged, and not in every copy",
    "doubled": "applied more than once",
    "invented": "found, though never attempted or refused",
    "stale": "looked for and not found, though known to be there",
}


def safety(found: DataSafety) -> tuple[tuple[str, str, str], ...]:
    """Name, figure and note of what became of the writes."""
    each, kept = "its own id", "each has to be in every copy, once"
    rows = []
    if found.registers is not None:
        each, kept = "the next sequence", "none may be followed by an older value"
        rows.append(("Registers", whole(found.registers), f"of {found.ledger} were written"))
    rows += [
        ("Attempted", whole(found.attempted), f"writes of {found.ledger}, each with {each}"),
        ("Acknowledged", whole(found.acknowledged), kept),
        ("Refused", whole(found.refused), "none of them may be in any copy"),
        ("Unclear", whole(found.unclear), f"no clear answer; {whole(found.unclear_found)} found"),
    ]
    if found.looks:
        asked = "Looked for" if found.registers is None else "Read"
        rows.append((asked, whole(found.looks), f"times while the load ran; {_oldest(found)}"))
    added = "added" if found.registers is None else "written"
    rows += [(f"In {c.name}", _held(c), c.why or _constant(c, added)) for c in found.copies]
    said = OFFENCES if found.registers is None else OFFENCES | {"stale": OLD_VALUE}
    rows += [(kind.capitalize(), whole(n), said[kind]) for kind, n in found.offences.items()]
    return tuple(rows)


def _oldest(found: DataSafety) -> str:
    if found.stalest is None:
        return "none of them stale"
    known = "the write" if found.registers is None else "a newer value"
    return f"the oldest stale answer {seconds(found.stalest)} after {known} was known"


def _held(copy: CopyFigures) -> str:
    return "not read" if copy.found is None else whole(copy.found)


def _constant(copy: CopyFigures, added: str) -> str:
    before, after = copy.constant_before, copy.constant_after
    if before is None or after is None:
        return f"{added} by this run"
    if before == after:
        return f"{added} by this run; constant {after:.15g}"
    return f"{added} by this run; constant {before:.15g} before, {after:.15g} after"


def offender(one: Offender, verdict: Verdict, origin: float) -> tuple[str, ...]:
    """Offence, id, attempt, acknowledgement and copies; times count from `origin`."""
    begun = [i.begun for i in verdict.injections if i.begun is not None]
    first = min(begun, default=None)
    told = "never" if one.at is None else moment(one.at - origin)
    if one.acknowledged is None:
        answer = "never" if one.at is None else "not acknowledged"
    else:
        answer = f"{moment(one.acknowledged - origin)}{_beside(one.acknowledged, first)}"
    id_ = one.id if one.sequence is None else f"{one.id} #{one.sequence}"
    return one.offence, id_, told, answer, _where(one)


def _where(one: Offender) -> str:
    if one.offence == "stale" and one.sequence is not None:
        return _old(one)
    return f"{_place(one)}, {one.times} times" if one.times else _place(one)


def _old(one: Offender) -> str:
    """Of several reads the oldest is told; each may have brought another value."""
    all_ = f"; {one.times} old reads in all" if one.times > 1 else ""
    return f"read {_seen(one)} {seconds(one.age)} after #{one.sequence} was known{all_}"


def _place(one: Offender) -> str:
    copies = ", ".join(one.copies) or NONE
    instead = "" if one.sequence is None else f"; {_seen(one)} instead"
    if one.offence == "lost":
        return f"in none{instead}"
    if one.offence == "missing":
        return f"not in {copies}{instead}"
    if one.offence == "stale":
        return f"not found {seconds(one.age)} after it was known"
    return f"in {copies}" if one.copies or one.sequence is None else "in an answer"


def _seen(one: Offender) -> str:
    return "nothing" if one.seen is None else f"#{one.seen}"


def _beside(at: float, fault: float | None) -> str:
    if fault is None:
        return ""
    side = "after" if at >= fault else "before"
    return f", {abs(at - fault):.2f} s {side} the first injection began"
